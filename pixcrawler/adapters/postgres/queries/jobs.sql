-- What the steps write and read, as the service.

-- name: job
select j.id, j.user_id, j.dataset_id, j.version, j.status, j.spec
from public.crawl_jobs as j
where j.id = %(job_id)s

-- name: is_given_up
select status in ('cancelling', 'cancelled', 'failed') as answer
from public.crawl_jobs
where id = %(job_id)s

-- name: set_stage
-- Here and below: what a late activity of an earlier round knows is old news, and packaging is a
-- point of no return.
update public.crawl_jobs
set stage = %(stage)s,
    round = %(round)s,
    status = case when status = 'pending' then 'running' else status end,
    started_at = coalesce(started_at, now())
where id = %(job_id)s
  and status in ('pending', 'running', 'cancelling')
  and stage <> 'packaging' and round <= %(round)s

-- name: add_chunks
insert into public.job_chunks (job_id, user_id, round, chunk, candidates)
select j.id, j.user_id, %(round)s, counted.place - 1, counted.candidates
from public.crawl_jobs as j
cross join unnest(%(candidates)s::int[]) with ordinality as counted (candidates, place)
where j.id = %(job_id)s
on conflict (job_id, round, chunk) do nothing

-- name: chunk_started
update public.job_chunks
set status = case when status = 'queued' then 'running' else status end
where job_id = %(job_id)s and round = %(round)s and chunk = %(chunk)s

-- name: chunk_downloaded
-- A late repetition of the download must not take back what validation wrote.
update public.job_chunks
set status = 'downloaded', downloaded = %(downloaded)s, valid = %(valid)s,
    rejected = %(rejected)s, bytes = %(bytes)s, reasons = %(reasons)s
where job_id = %(job_id)s and round = %(round)s and chunk = %(chunk)s
  and status in ('queued', 'running', 'downloaded')

-- name: chunk_validated
update public.job_chunks
set status = 'validated', downloaded = %(downloaded)s, valid = %(valid)s,
    rejected = %(rejected)s, bytes = %(bytes)s, reasons = %(reasons)s
where job_id = %(job_id)s and round = %(round)s and chunk = %(chunk)s
  and status in ('queued', 'running', 'downloaded', 'validated')

-- name: chunk_exists
select 1 as answer
from public.job_chunks
where job_id = %(job_id)s and round = %(round)s and chunk = %(chunk)s

-- name: set_engines
update public.crawl_jobs
set engines = %(engines)s
where id = %(job_id)s and stage not in ('packaging', 'done') and round <= %(round)s

-- name: engines
select engines as answer from public.crawl_jobs where id = %(job_id)s

-- name: notes
select notes as answer from public.crawl_jobs where id = %(job_id)s

-- name: notes_to_change
select notes as answer from public.crawl_jobs where id = %(job_id)s for no key update

-- name: set_notes
update public.crawl_jobs set notes = %(notes)s where id = %(job_id)s

-- name: downloaded_bytes
select coalesce(sum(c.bytes), 0) as answer
from public.crawl_jobs as j
left join public.job_chunks as c on c.job_id = j.id
where j.id = %(job_id)s
group by j.id

-- name: set_kept
update public.crawl_jobs
set kept = %(kept)s, left_out = %(left_out)s
where id = %(job_id)s and stage not in ('packaging', 'done') and round <= %(round)s

-- name: begin_packaging
update public.crawl_jobs
set status = 'running', stage = 'packaging', started_at = coalesce(started_at, now())
where id = %(job_id)s and status in ('pending', 'running')

-- name: may_package
select status in ('running', 'succeeded', 'partial') as answer
from public.crawl_jobs
where id = %(job_id)s

-- name: finish
update public.crawl_jobs
set status = %(status)s, stage = 'done', message = %(message)s, error_code = %(error_code)s,
    error_message = %(error_message)s, finished_at = now(),
    started_at = coalesce(started_at, now())
where id = %(job_id)s and status in ('pending', 'running', 'cancelling')
returning dataset_id, version

-- name: status
select status as answer from public.crawl_jobs where id = %(job_id)s

-- name: close_chunks
update public.job_chunks
set status = %(chunk_status)s
where job_id = %(job_id)s and status in ('queued', 'running', 'downloaded')

-- name: close_version
update public.dataset_versions
set status = %(version_status)s
where dataset_id = %(dataset_id)s and version = %(version)s
  and status in ('building', 'assembled')
