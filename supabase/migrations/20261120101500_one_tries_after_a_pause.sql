-- After a pause that a host asked for, one request at a time tries over all workers, until one
-- succeeds: as after a suspension. Otherwise the function is as it was.

comment on column private.hosts.throttled_in_a_row is
  'since a request succeeded; more than none: one at a time';

-- What one worker wants of one host, and what it has from now on.
--
-- The places of all workers never exceed the budget: nobody gets one that another has not given
-- back, or lost by not renewing it. Whoever has too many keeps those that are in use, and is told
-- the number to come down to. With a Crawl-delay the budget is one, and the next worker is told to
-- begin so long after the last one gave its place back.
create or replace function private.share_host(
  p_worker text,
  p_host text,
  p_in_use int,
  p_wanted int,
  p_at_once int,
  p_interval_s float8,
  p_lasts_s float8,       -- a share that is not renewed
  p_waiting_s float8,     -- a place in line that is not renewed
  p_tenure_s float8,      -- after which a place goes on, when more wait than there are places
  p_poll_s float8,
  p_poll_max_s float8,
  out places int,         -- how many may be under way
  out lasts_s float8,
  out wait_s float8,      -- with a place: before one may start; without: before asking again
  out paused_s float8,
  out because text
)
language plpgsql set search_path = '' as $$
declare
  desk private.hosts;
  own private.host_shares;
  at timestamptz;
  lost_at timestamptz;
  had int;
  kept int;
  taken int;              -- places of the others
  others int;
  budget int;
  pause timestamptz;
begin
  select * into desk from private.hosts as h where h.name = p_host for update;
  if not found then
    insert into private.hosts (name) values (p_host) on conflict do nothing;
    select * into desk from private.hosts as h where h.name = p_host for update;
  end if;
  -- Not now(): the transaction may have waited for the row.
  at := clock_timestamp();

  with lost as (
    delete from private.host_shares as s
      where s.host = p_host and s.until <= at returning s.places, s.until
  )
  select max(l.until) filter (where l.places > 0) into lost_at from lost as l;
  desk.ended_at := greatest(desk.ended_at, lost_at);

  select * into own from private.host_shares as s where s.host = p_host and s.worker = p_worker;
  had := coalesce(own.places, 0);
  own.wanted := greatest(p_wanted, p_in_use);
  own.since := coalesce(own.since, at);
  select coalesce(sum(s.places), 0), count(*), greatest(p_interval_s, max(s.interval_s))
    into taken, others, own.interval_s
    from private.host_shares as s where s.host = p_host and s.worker <> p_worker;

  pause := greatest(desk.paused_until, desk.suspended_until);
  budget := case when pause > at then 0
                 when own.interval_s > 0 or desk.suspensions > 0
                      or desk.throttled_in_a_row > 0 then 1
                 else p_at_once end;
  -- Whoever had a place for long enough goes to the end of the line, when there is one.
  if own.held_at + make_interval(secs => p_tenure_s) <= at and budget > 0 and others >= budget then
    own.since := at;
    own.held_at := at;
  end if;
  places := 0;
  if own.wanted > 0 and budget > taken then
    places := least(
      budget - taken,
      private.allotted_places(p_host, p_worker, own.wanted, own.since, others, budget)
    );
  end if;
  kept := greatest(places, least(p_in_use, had));
  if had > 0 and kept = 0 then
    desk.ended_at := at;
  end if;
  if kept = 0 then
    own.held_at := null;
  elsif own.held_at is null then
    own.held_at := greatest(at, desk.ended_at + make_interval(secs => own.interval_s));
  end if;

  if own.wanted > 0 then
    insert into private.host_shares as s
        (host, worker, places, wanted, interval_s, since, held_at, until)
      values (p_host, p_worker, kept, own.wanted, p_interval_s, own.since, own.held_at,
              at + make_interval(secs => case when kept > 0 then p_lasts_s else p_waiting_s end))
      on conflict on constraint host_shares_pkey do update
        set places = excluded.places, wanted = excluded.wanted, interval_s = excluded.interval_s,
            since = excluded.since, held_at = excluded.held_at, until = excluded.until;
  else
    delete from private.host_shares as s where s.host = p_host and s.worker = p_worker;
  end if;
  if lost_at is not null or had > 0 and kept = 0 or desk.seen_at < at - interval '1 day' then
    update private.hosts as h set ended_at = desk.ended_at, seen_at = at where h.name = p_host;
  end if;

  lasts_s := case when kept > 0 then p_lasts_s else 0 end;
  paused_s := greatest(0, extract(epoch from pause - at));
  because := case when paused_s > 0 then coalesce(desk.because, '') else '' end;
  if paused_s > 0 then
    wait_s := paused_s;
  elsif places > 0 then
    wait_s := greatest(0, extract(epoch from desk.ended_at - at) + own.interval_s);
  else
    select least(p_poll_max_s, p_poll_s * (1 + count(*))) into wait_s
      from private.host_shares as s
      where s.host = p_host and s.places = 0 and s.since < own.since and s.worker <> p_worker;
  end if;
end
$$;
