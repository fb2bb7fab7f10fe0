-- What people are shown (as the caller, under row-level security, and the owner named as well:
-- the index then leads), and what they may change (as the service, the owner named).

-- name: jobs
-- The page first: sums over chunks are then made for its jobs only.
with page as materialized (
  select j.id
  from public.crawl_jobs as j
  where j.user_id = %(user_id)s
    and (%(after_at)s::timestamptz is null
         or (j.created_at, j.id) < (%(after_at)s::timestamptz, %(after_id)s::uuid))
  order by j.created_at desc, j.id desc
  limit %(limit)s
)
select entry.*
from page
cross join lateral (
  select * from public.crawl_job_entries as e
  where e.id = page.id and e.user_id = %(user_id)s
  offset 0
) as entry
order by entry.created_at desc, entry.id desc

-- name: job
select * from public.crawl_job_entries where user_id = %(user_id)s and id = %(job_id)s

-- name: datasets
with page as materialized (
  select d.id
  from public.datasets as d
  where d.user_id = %(user_id)s
    and d.deleted_at is null
    and (%(after_at)s::timestamptz is null
         or (d.created_at, d.id) < (%(after_at)s::timestamptz, %(after_id)s::uuid))
  order by d.created_at desc, d.id desc
  limit %(limit)s
)
select entry.*
from page
cross join lateral (
  select * from public.dataset_entries as e
  where e.id = page.id and e.user_id = %(user_id)s
  offset 0
) as entry
order by entry.created_at desc, entry.id desc

-- name: dataset
select * from public.dataset_entries where user_id = %(user_id)s and id = %(dataset_id)s

-- name: versions
select *
from public.dataset_version_entries
where user_id = %(user_id)s and dataset_id = %(dataset_id)s
order by version desc
limit %(limit)s

-- name: version
select *
from public.dataset_version_entries
where user_id = %(user_id)s and dataset_id = %(dataset_id)s and version = %(version)s

-- name: session_is_live
select private.session_is_live(%(session_id)s, %(user_id)s) as answer

-- name: is_operator
select role = 'admin' as answer from public.profiles where id = %(user_id)s

-- name: repair_profile
insert into public.profiles (id, email) values (%(user_id)s, %(email)s)
on conflict (id) do nothing

-- name: lock_owner
-- One job at a time is created for a user: names, versions and idempotency keys cannot race.
select id from public.profiles where id = %(user_id)s for no key update

-- name: cancel_job
update public.crawl_jobs
set status = 'cancelling'
where id = %(job_id)s and user_id = %(user_id)s
  and status in ('pending', 'running', 'cancelling') and stage <> 'packaging'
returning id
