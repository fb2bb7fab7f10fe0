-- What all workers know together of the engines, as the service.

-- name: admit
select *
from private.admit_request(
  %(engine)s, %(terms)s, %(requests)s::int[], %(seconds)s::float8[], %(patience_s)s::float8,
  %(lost_after_s)s::float8
)

-- name: settle
select private.settle_request(
  %(engine)s, %(number)s, %(status)s, %(kind)s, %(detail)s, %(first_s)s::float8,
  %(step_s)s::float8, %(longest_s)s::float8, %(stated_s)s::float8, %(keep)s
)

-- name: health
select name, status, kind, detail, failures, last_asked_at, last_ok_at,
       case when suspended_until > clock_timestamp() then suspended_until end as suspended_until
from private.engines
where name = any(%(engines)s)

-- name: used
-- Requests that a quota counts at this moment, those under way included.
select asked.engine, asked.seconds, (
  select count(*) from private.engine_ends as e
  where e.engine = asked.engine
    and e.ended_at > clock_timestamp() - make_interval(secs => asked.seconds)
) + (
  select count(*) from private.engine_tickets as t
  where t.engine = asked.engine
    and t.lost_at > clock_timestamp() - make_interval(secs => asked.seconds)
) as requests
from unnest(%(engines)s::text[], %(seconds)s::float8[]) as asked (engine, seconds)

-- name: reopen
update private.engines
set suspended_until = null, probe = null, failures = 0
where name = %(engine)s

-- name: switches
select distinct on (engine) engine, is_on, terms_digest, switched_by, switched_at
from private.engine_switches
order by engine, id desc

-- name: switch
insert into private.engine_switches (engine, is_on, terms_digest, switched_by, switched_at)
values (%(engine)s, %(is_on)s, %(terms_digest)s, %(by)s,
        coalesce(%(at)s::timestamptz, clock_timestamp()))
