-- Known placeholders, as the service.

-- name: known
select p.host, encode(p.sha256, 'hex') as sha256, p.first_seen_at
from unnest(%(hosts)s::text[], %(sha256s)s::text[]) as seen (host, sha256)
join private.placeholders as p
  on p.host = seen.host and p.sha256 = decode(seen.sha256, 'hex')
where p.seen_at > now() - make_interval(days => %(days)s)

-- name: forget
-- A few at a time, and none that another worker has in hand.
delete from private.placeholders as p
using (
  select host, sha256 from private.placeholders
  where seen_at <= now() - make_interval(days => %(days)s)
  limit 1000
  for update skip locked
) as old
where p.host = old.host and p.sha256 = old.sha256

-- name: remember
-- In one order, so that two workers cannot wait for each other. What was forgotten begins anew.
insert into private.placeholders as p (host, sha256, addresses, first_seen_at, seen_at)
select found.host, decode(found.sha256, 'hex'), max(found.addresses),
       min(least(found.seen_at, now())), max(least(found.seen_at, now()))
from unnest(
  %(hosts)s::text[], %(sha256s)s::text[], %(addresses)s::int[], %(seen_at)s::timestamptz[]
) as found (host, sha256, addresses, seen_at)
group by found.host, found.sha256
order by found.host, found.sha256
on conflict (host, sha256) do update set
  addresses = case when p.seen_at > now() - make_interval(days => %(days)s)
                   then greatest(p.addresses, excluded.addresses) else excluded.addresses end,
  first_seen_at = case when p.seen_at > now() - make_interval(days => %(days)s)
                       then least(p.first_seen_at, excluded.first_seen_at)
                       else excluded.first_seen_at end,
  seen_at = greatest(p.seen_at, excluded.seen_at)
