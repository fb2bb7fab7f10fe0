-- What all workers know together of the hosts they visit, as the service.

-- name: share
select *
from private.share_hosts(
  %(worker)s, %(hosts)s::text[], %(in_use)s::int[], %(wanted)s::int[], %(at_once)s::int[],
  %(interval_s)s::float8[], %(lasts_s)s::float8, %(waiting_s)s::float8, %(tenure_s)s::float8,
  %(poll_s)s::float8, %(poll_max_s)s::float8
)

-- name: report
select private.report_hosts(
  %(hosts)s::text[], %(requests)s::int[], %(bytes)s::bigint[], %(failures)s::int[],
  %(pause_s)s::float8[], %(because)s::text[], %(back_off_s)s::float8, %(back_off_max_s)s::float8,
  %(failures_max)s, %(suspended_s)s::float8, %(suspended_max_s)s::float8, %(jitter)s::float8
)

-- name: sweep
select private.sweep_hosts(%(days)s) as hosts

-- name: sweep_files
delete from private.site_files
where until < clock_timestamp() - interval '1 day'
