-- How jobs come to be, and retries of them.

-- name: repeated
select id, request_hash
from public.crawl_jobs
where user_id = %(user_id)s and idempotency_key = %(idempotency_key)s

-- name: project
insert into public.projects as p (user_id, name) values (%(user_id)s, %(name)s)
on conflict (user_id, lower(name)) where deleted_at is null
do update set updated_at = now()
returning p.id

-- name: find_dataset
insert into public.datasets as d (user_id, project_id, name)
values (%(user_id)s, %(project_id)s, %(name)s)
on conflict (user_id, lower(name)) where deleted_at is null
do update set updated_at = now()
returning d.id, d.project_id

-- name: next_version
insert into public.dataset_versions (dataset_id, version, user_id)
select %(dataset_id)s, coalesce(max(v.version), 0) + 1, %(user_id)s
from public.dataset_versions as v
where v.dataset_id = %(dataset_id)s
returning version

-- name: create_job
-- With the estimate of the same job file, if its owner asked for one lately.
insert into public.crawl_jobs
  (user_id, dataset_id, version, spec, wanted, notes, idempotency_key, request_hash, estimate)
values
  (%(user_id)s, %(dataset_id)s, %(version)s, %(spec)s, %(wanted)s, %(notes)s,
   %(idempotency_key)s, %(request_hash)s,
   (select e.estimate
    from public.estimates as e
    where e.user_id = %(user_id)s and e.spec_hash = %(spec_hash)s and e.estimate is not null
      and e.created_at > now() - interval '24 hours'
    order by e.created_at desc
    limit 1))
returning id

-- name: retried_by
-- The newest retry that has what this job has, or will have it.
select j.id
from public.crawl_jobs as j
where j.retry_of = %(job_id)s and j.user_id = %(user_id)s
  and j.status not in ('failed', 'cancelled')
order by j.created_at desc
limit 1

-- name: create_retry
insert into public.crawl_jobs
  (user_id, dataset_id, version, spec, wanted, notes, idempotency_key, request_hash, retry_of,
   retry_reasons)
select j.user_id, j.dataset_id, %(version)s, j.spec, j.wanted, %(notes)s, %(idempotency_key)s,
       %(request_hash)s, j.id, %(reasons)s::text[]
from public.crawl_jobs as j
where j.id = %(job_id)s and j.user_id = %(user_id)s
returning id
