-- Retries: a job that fetches again what failed in an ended one, and builds the version after it.

alter table public.crawl_jobs
  add column retry_of uuid,
  add column retry_reasons text[] not null default '{}',
  -- The same owner; when the job before goes, the retry stays: it has all that it needs.
  add foreign key (retry_of, user_id) references public.crawl_jobs (id, user_id)
    on delete set null (retry_of),
  add check (retry_of is null or cardinality(retry_reasons) > 0),
  add check (retry_of <> id);
create index crawl_jobs_retry_idx on public.crawl_jobs (retry_of, user_id)
  where retry_of is not null;
grant select (retry_of, retry_reasons) on public.crawl_jobs to authenticated;

-- A view can only be given a column by writing it anew: as it was, with three more at the end.
create or replace view public.crawl_job_entries with (security_invoker = true) as
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
  coalesce(c.reasons, '{}') as reasons,
  j.notes,
  j.estimate,
  j.retry_of,
  j.retry_reasons,
  coalesce(b.kept, 0) as base_kept  -- images that the job before has a version of
from public.crawl_jobs as j
join public.datasets as d on d.id = j.dataset_id and d.user_id = j.user_id
join public.projects as p on p.id = d.project_id and p.user_id = d.user_id
left join public.crawl_jobs as b
  on b.id = j.retry_of and b.user_id = j.user_id and b.status in ('succeeded', 'partial')
left join lateral (
  select * from public.crawl_job_progress as sums
  where sums.job_id = j.id and sums.user_id = j.user_id
) as c on true;
