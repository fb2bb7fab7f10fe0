-- Jobs and their chunks. Progress is the sum over chunks, each written by its own activity only:
-- there is no counter that two workers add to.

create table public.crawl_jobs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  dataset_id uuid not null,
  version int not null,
  spec jsonb not null check (jsonb_typeof(spec) = 'object'),
  wanted int not null check (wanted between 1 and 1000000),
  status text not null default 'pending' check (status in
    ('pending', 'running', 'cancelling', 'succeeded', 'partial', 'failed', 'cancelled')),
  stage text not null default 'queued' check (stage in
    ('queued', 'expanding', 'discovering', 'downloading', 'deduplicating', 'assembling',
     'packaging', 'done')),
  round int not null default 0 check (round >= 0),
  engines jsonb not null default '[]' check (jsonb_typeof(engines) = 'array'),
  kept int check (kept >= 0),  -- null until deduplication ran
  left_out jsonb not null default '{}' check (jsonb_typeof(left_out) = 'object'),
  message text check (char_length(message) <= 4000),
  error_code text check (char_length(error_code) <= 100),
  error_message text check (char_length(error_message) <= 2000),
  idempotency_key text check (char_length(idempotency_key) between 1 and 128),
  request_hash bytea check (octet_length(request_hash) = 32),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  swept_at timestamptz,  -- its working files are gone
  unique (id, user_id),
  unique (user_id, idempotency_key),
  unique (dataset_id, version, user_id),
  foreign key (dataset_id, version, user_id)
    references public.dataset_versions (dataset_id, version, user_id) on delete cascade,
  check ((idempotency_key is null) = (request_hash is null)),
  check ((finished_at is not null)
         = (status in ('succeeded', 'partial', 'failed', 'cancelled'))),
  check (error_code is null or status = 'failed')
);
create index crawl_jobs_user_page_idx on public.crawl_jobs (user_id, created_at desc, id desc);
create index crawl_jobs_open_idx on public.crawl_jobs (updated_at)
  where status in ('pending', 'running', 'cancelling');
create index crawl_jobs_unswept_idx on public.crawl_jobs (finished_at)
  where swept_at is null and finished_at is not null;

create table public.job_chunks (
  job_id uuid not null,
  round int not null check (round >= 0),
  chunk int not null check (chunk >= 0),
  user_id uuid not null,
  status text not null default 'queued' check (status in
    ('queued', 'running', 'downloaded', 'validated', 'failed', 'skipped')),
  candidates int not null check (candidates >= 0),
  downloaded int not null default 0 check (downloaded >= 0),
  valid int not null default 0 check (valid >= 0),
  rejected int not null default 0 check (rejected >= 0),
  bytes bigint not null default 0 check (bytes >= 0),
  reasons jsonb not null default '{}' check (jsonb_typeof(reasons) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (job_id, round, chunk),
  foreign key (job_id, user_id) references public.crawl_jobs (id, user_id) on delete cascade
);
create index job_chunks_owner_idx on public.job_chunks (job_id, user_id);

do $$
declare
  name text;
begin
  foreach name in array array['crawl_jobs', 'job_chunks'] loop
    execute format('create trigger %I before update on public.%I
                    for each row execute function private.touch()', name || '_touch', name);
    execute format('alter table public.%I enable row level security', name);
    execute format('revoke all on public.%I from anon, authenticated', name);
    execute format('grant all on public.%I to service_role', name);
    execute format('create policy %I on public.%I for select to authenticated
                    using ((select auth.uid()) = user_id)', name || '_select_own', name);
  end loop;
end
$$;
grant select on public.job_chunks to authenticated;
-- All but the caller's own idempotency keys and hashes, which are nobody's business.
grant select (id, user_id, dataset_id, version, spec, wanted, status, stage, round, engines, kept,
              left_out, message, error_code, error_message, created_at, updated_at, started_at,
              finished_at)
  on public.crawl_jobs to authenticated;

create view public.crawl_job_progress with (security_invoker = true) as
select
  c.job_id,
  c.user_id,
  count(*)::int as chunks,
  count(*) filter (where c.status = 'queued')::int as queued,
  count(*) filter (where c.status = 'running')::int as running,
  count(*) filter (where c.status = 'downloaded')::int as fetched,
  count(*) filter (where c.status = 'validated')::int as validated,
  count(*) filter (where c.status = 'failed')::int as failed,
  count(*) filter (where c.status = 'skipped')::int as skipped,
  sum(c.candidates)::bigint as candidates,
  sum(c.downloaded)::bigint as downloaded,
  sum(c.valid)::bigint as valid,
  sum(c.rejected)::bigint as rejected,
  sum(c.bytes)::bigint as bytes,
  (
    select coalesce(jsonb_object_agg(reason.key, reason.images), '{}')
    from (
      select each.key, sum(each.value::bigint) as images
      from public.job_chunks as own
      cross join lateral jsonb_each_text(own.reasons) as each
      where own.job_id = c.job_id
      group by each.key
    ) as reason
  ) as reasons,
  max(c.updated_at) as updated_at
from public.job_chunks as c
group by c.job_id, c.user_id;
revoke all on public.crawl_job_progress from anon, authenticated;
grant select on public.crawl_job_progress to authenticated, service_role;
