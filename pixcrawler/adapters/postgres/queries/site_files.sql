-- Files in which sites say what robots may do, as the service.

-- name: get
select url, status, body, sha256
from private.site_files
where url = any(%(urls)s) and until > clock_timestamp()

-- name: put
insert into private.site_files (url, status, body, sha256, until)
values (%(url)s, %(status)s, %(body)s, %(sha256)s,
        clock_timestamp() + make_interval(secs => %(lasts_s)s))
on conflict (url) do update
set status = excluded.status, body = excluded.body, sha256 = excluded.sha256,
    until = excluded.until
