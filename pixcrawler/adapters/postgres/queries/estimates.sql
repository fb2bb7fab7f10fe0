-- Estimates and what they learn from, as the service.

-- name: wait
-- Seconds until the user may ask for one more; no row: at once. The oldest of the last ones that
-- an hour may have is what has to pass.
select greatest(1, extract(epoch from e.created_at + interval '1 hour' - now()))::float8 as wait_s
from public.estimates as e
where e.user_id = %(user_id)s and e.created_at > now() - interval '1 hour'
order by e.created_at desc
offset %(most)s - 1
limit 1

-- name: begin
insert into public.estimates (user_id, spec_hash) values (%(user_id)s, %(spec_hash)s) returning id

-- name: put
update public.estimates set estimate = %(estimate)s where id = %(id)s

-- name: sweep
-- After a day no new job takes an estimate; a job has a copy of its own.
delete from public.estimates where created_at < now() - interval '2 days'

-- name: past_jobs
-- Not retries: nothing was searched for in them, and half of what they hold was there before.
with done as materialized (
  select j.id, j.engines, j.kept, j.left_out, j.started_at, j.finished_at
  from public.crawl_jobs as j
  where j.status in ('succeeded', 'partial') and j.retry_of is null
  order by j.finished_at desc
  limit %(most)s
)
select
  done.engines,
  coalesce(c.candidates, 0)::int as candidates,
  coalesce(done.kept, 0) + coalesce((done.left_out ->> 'over_limit')::int, 0) as good,
  coalesce(c.bytes, 0)::bigint as bytes,
  extract(epoch from done.finished_at - done.started_at)::float8 as seconds
from done
left join lateral (
  select sum(k.candidates) as candidates, sum(k.bytes) as bytes
  from public.job_chunks as k
  where k.job_id = done.id
) as c on true
order by done.finished_at desc
