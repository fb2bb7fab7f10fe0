-- Estimates: what a job file would give and cost. Whoever asked for one sees it beside what the
-- job gave in the end. The service alone writes them.

create table public.estimates (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles (id) on delete cascade,
  spec_hash bytea not null check (octet_length(spec_hash) = 32),
  estimate jsonb not null check (jsonb_typeof(estimate) = 'object'),
  created_at timestamptz not null default now()
);
create index estimates_lookup_idx on public.estimates (user_id, spec_hash, created_at desc);
create index estimates_age_idx on public.estimates (created_at);

alter table public.estimates enable row level security;
revoke all on public.estimates from anon, authenticated;
grant all on public.estimates to service_role;
grant select on public.estimates to authenticated;
create policy estimates_select_own on public.estimates for select to authenticated
  using ((select auth.uid()) = user_id);

-- A copy: it stays with the job when the estimate itself is long gone.
alter table public.crawl_jobs
  add column estimate jsonb check (jsonb_typeof(estimate) = 'object');
grant select (estimate) on public.crawl_jobs to authenticated;

-- What the next estimate learns from: the last jobs that ended well.
create index crawl_jobs_done_idx on public.crawl_jobs (finished_at desc)
  where status in ('succeeded', 'partial');

-- A view can only be given a column by writing it anew: as it was, with one more at the end.
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
  j.estimate
from public.crawl_jobs as j
join public.datasets as d on d.id = j.dataset_id and d.user_id = j.user_id
join public.projects as p on p.id = d.project_id and p.user_id = d.user_id
left join lateral (
  select * from public.crawl_job_progress as sums
  where sums.job_id = j.id and sums.user_id = j.user_id
) as c on true;
