-- What an owner is shown, in one row each. Views run with the rights of whoever asks
-- (security_invoker), so row-level security of the tables below decides.

create view public.crawl_job_entries with (security_invoker = true) as
select
  j.id,
  j.user_id,
  d.name,
  p.name as project,
  j.dataset_id,
  j.version,
  j.status,
  j.stage,
  j.round,
  j.wanted,
  j.spec,
  j.engines,
  j.kept,
  j.left_out,
  j.message,
  j.error_code,
  j.error_message,
  j.created_at,
  j.started_at,
  j.finished_at,
  extract(epoch from now() - j.started_at)::float8 as elapsed_s,
  coalesce(c.queued, 0) as queued,
  coalesce(c.running, 0) as running,
  coalesce(c.fetched, 0) as fetched,
  coalesce(c.validated, 0) as validated,
  coalesce(c.failed, 0) as failed,
  coalesce(c.skipped, 0) as skipped,
  coalesce(c.candidates, 0) as candidates,
  coalesce(c.downloaded, 0) as downloaded,
  coalesce(c.valid, 0) as valid,
  coalesce(c.rejected, 0) as rejected,
  coalesce(c.bytes, 0) as bytes,
  coalesce(c.reasons, '{}') as reasons
from public.crawl_jobs as j
join public.datasets as d on d.id = j.dataset_id and d.user_id = j.user_id
join public.projects as p on p.id = d.project_id and p.user_id = d.user_id
left join lateral (
  select * from public.crawl_job_progress as sums
  where sums.job_id = j.id and sums.user_id = j.user_id
) as c on true;

create view public.dataset_version_entries with (security_invoker = true) as
select
  v.dataset_id,
  v.version,
  v.user_id,
  v.status,
  j.id as job_id,
  v.images,
  v.bytes,
  v.created_at,
  v.packaged_at,
  a.container as archive_container,
  a.name as archive_name,
  a.format as archive_format,
  a.bytes as archive_bytes,
  a.sha256 as archive_sha256,
  a.tier as archive_tier,
  a.created_at as archive_created_at
from public.dataset_versions as v
join public.datasets as d on d.id = v.dataset_id and d.user_id = v.user_id
join public.crawl_jobs as j
  on j.dataset_id = v.dataset_id and j.version = v.version and j.user_id = v.user_id
left join public.archives as a
  on a.dataset_id = v.dataset_id and a.version = v.version and a.user_id = v.user_id
  and a.format = 'zip'
where d.deleted_at is null;

create view public.dataset_entries with (security_invoker = true) as
select
  d.id,
  d.user_id,
  d.name,
  p.name as project,
  d.created_at,
  d.updated_at,
  to_jsonb(latest) as latest_version
from public.datasets as d
join public.projects as p on p.id = d.project_id and p.user_id = d.user_id
left join lateral (
  select * from public.dataset_version_entries as v
  where v.dataset_id = d.id and v.user_id = d.user_id and v.status = 'packaged'
  order by v.version desc
  limit 1
) as latest on true
where d.deleted_at is null;

do $$
declare
  name text;
begin
  foreach name in array
    array['crawl_job_entries', 'dataset_version_entries', 'dataset_entries']
  loop
    execute format('revoke all on public.%I from anon, authenticated', name);
    execute format('grant select on public.%I to authenticated, service_role', name);
  end loop;
end
$$;
