-- What the timers look for, as the service.

-- name: unstarted
select id, wanted, retry_of, retry_reasons
from public.crawl_jobs
where started_at is null and created_at < %(before)s and status in ('pending', 'cancelling')
order by created_at
limit %(limit)s

-- name: silent
select j.id, j.wanted, j.retry_of, j.retry_reasons
from public.crawl_jobs as j
where j.status in ('pending', 'running', 'cancelling')
  and j.started_at is not null
  and j.updated_at < %(before)s
  and not exists (
    select from public.job_chunks as c where c.job_id = j.id and c.updated_at >= %(before)s
  )
order by j.updated_at
limit %(limit)s

-- name: ended
-- What a retry may have to recall stays until it has ended.
select j.id
from public.crawl_jobs as j
where j.finished_at < %(before)s and j.swept_at is null
  and not exists (
    select from public.crawl_jobs as r where r.retry_of = j.id and r.finished_at is null
  )
order by j.finished_at
limit %(limit)s

-- name: mark_swept
update public.crawl_jobs
set swept_at = coalesce(swept_at, now())
where id = %(job_id)s and finished_at is not null
