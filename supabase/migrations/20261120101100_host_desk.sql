-- The hosts' desk: what all workers know together of the hosts they visit. The budget of a host is
-- exact over every worker of the deployment, because its places are dealt out under the host's row.

create table private.hosts (
  name text primary key check (char_length(name) between 1 and 300),
  requests bigint not null default 0,
  bytes bigint not null default 0,
  failures bigint not null default 0,
  throttled bigint not null default 0, -- times that it asked to be left alone
  last_asked_at timestamptz,
  seen_at timestamptz not null default clock_timestamp(), -- to the day: who wanted something of it
  ended_at timestamptz,               -- of workers without a place, no request ended later
  paused_until timestamptz,           -- it asked to be left alone
  suspended_until timestamptz,        -- requests failed in a row
  because text check (char_length(because) <= 300),
  throttled_in_a_row int not null default 0,
  failures_in_a_row int not null default 0,
  suspensions int not null default 0  -- since a request succeeded; more than none: one at a time
) with (fillfactor = 50);

-- Which worker may have how many requests under way, until when; those with no place wait in line.
create table private.host_shares (
  host text not null references private.hosts (name) on delete cascade,
  worker text not null check (char_length(worker) <= 100),
  places int not null check (places >= 0),
  wanted int not null check (wanted > 0),
  interval_s float8 not null,         -- the Crawl-delay that this worker knows of
  since timestamptz not null,         -- its place in line
  held_at timestamptz,                -- when its time with a place began; null: it has none
  until timestamptz not null,
  primary key (host, worker)
) with (fillfactor = 50);

grant select, insert, update, delete on private.hosts, private.host_shares to service_role;

-- How many of `p_budget` places a worker should have: as equal as wishes allow, the smallest wish
-- first. What is left over goes to those who have waited longest, and so do the places when there
-- are fewer than workers. `host_rules.allotment` is the same.
create function private.allotted_places(
  p_host text,
  p_worker text,
  p_wanted int,
  p_since timestamptz,
  p_others int,           -- workers that wish something as well
  p_budget int
) returns int
language plpgsql stable set search_path = '' as $$
declare
  claim record;
  claims int := p_others + 1;
  is_crowded boolean := claims >= p_budget;
  rest int := p_budget;
  part int;
begin
  for claim in
    select c.worker, c.wanted
    from (
      select s.worker, s.wanted, s.since from private.host_shares as s
        where s.host = p_host and s.worker <> p_worker
      union all
      select p_worker, p_wanted, p_since
    ) as c
    order by case when is_crowded then 1 else least(c.wanted, p_budget) end,
             c.since desc, c.worker collate "C"
  loop
    part := least(claim.wanted, rest / claims);
    if claim.worker = p_worker then
      return part;
    end if;
    rest := rest - part;
    claims := claims - 1;
  end loop;
end
$$;

-- What one worker wants of one host, and what it has from now on.
--
-- The places of all workers never exceed the budget: nobody gets one that another has not given
-- back, or lost by not renewing it. Whoever has too many keeps those that are in use, and is told
-- the number to come down to. With a Crawl-delay the budget is one, and the next worker is told to
-- begin so long after the last one gave its place back.
create function private.share_host(
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
                 when own.interval_s > 0 or desk.suspensions > 0 then 1
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

-- The same for many hosts, always in one order, so that no two workers wait for each other.
create function private.share_hosts(
  p_worker text,
  p_hosts text[],
  p_in_use int[],
  p_wanted int[],
  p_at_once int[],
  p_interval_s float8[],
  p_lasts_s float8,
  p_waiting_s float8,
  p_tenure_s float8,
  p_poll_s float8,
  p_poll_max_s float8
) returns table (
  host text, places int, lasts_s float8, wait_s float8, paused_s float8, because text
)
language plpgsql set search_path = '' as $$
declare
  wish record;
begin
  for wish in
    select w.host, w.in_use, w.wanted, w.at_once, w.interval_s
    from unnest(p_hosts, p_in_use, p_wanted, p_at_once, p_interval_s)
      as w (host, in_use, wanted, at_once, interval_s)
    order by w.host collate "C"
  loop
    return query
      select wish.host, s.places, s.lasts_s, s.wait_s, s.paused_s, s.because
      from private.share_host(
        p_worker, wish.host, wish.in_use, wish.wanted, wish.at_once, wish.interval_s,
        p_lasts_s, p_waiting_s, p_tenure_s, p_poll_s, p_poll_max_s
      ) as s;
  end loop;
end
$$;

-- What was seen of hosts, in the order of each host's reports: requests that succeeded, then those
-- that failed. What was under way when a host was paused or suspended is no further trouble.
create function private.report_hosts(
  p_hosts text[],
  p_requests int[],
  p_bytes bigint[],
  p_failures int[],
  p_pause_s float8[],     -- null: it did not ask for one; 0: it did not say how long
  p_because text[],
  p_back_off_s float8,
  p_back_off_max_s float8,
  p_failures_max int,
  p_suspended_s float8,
  p_suspended_max_s float8,
  p_jitter float8
) returns void
language plpgsql set search_path = '' as $$
declare
  report record;
  desk private.hosts;
  at timestamptz;
  is_paused boolean;
  pause_s float8;
begin
  for report in
    select r.host, r.requests, r.bytes, r.failures, r.pause_s, r.because
    from unnest(p_hosts, p_requests, p_bytes, p_failures, p_pause_s, p_because)
      with ordinality as r (host, requests, bytes, failures, pause_s, because, number)
    order by r.host collate "C", r.number
  loop
    insert into private.hosts (name) values (report.host) on conflict do nothing;
    select * into desk from private.hosts as h where h.name = report.host for update;
    at := clock_timestamp();

    is_paused := coalesce(desk.paused_until > at, false);
    if report.pause_s is not null then
      desk.throttled := desk.throttled + 1;
      pause_s := report.pause_s;
      if not is_paused then
        desk.throttled_in_a_row := desk.throttled_in_a_row + 1;
        if pause_s <= 0 then
          pause_s := least(p_back_off_max_s,
                           p_back_off_s * 2.0 ^ least(desk.throttled_in_a_row - 1, 30))
                     * (1 + p_jitter * (2 * random() - 1));
        end if;
      end if;
      if not is_paused or at + make_interval(secs => pause_s) > desk.paused_until then
        desk.paused_until := at + make_interval(secs => pause_s);
        desk.because := report.because;
      end if;
    elsif report.requests > report.failures and not is_paused then
      desk.throttled_in_a_row := 0;
    end if;

    if desk.suspended_until is null or desk.suspended_until <= at then
      if report.requests > report.failures then
        desk.failures_in_a_row := 0;
        desk.suspensions := 0;
      end if;
      desk.failures_in_a_row := desk.failures_in_a_row + report.failures;
      if report.failures > 0
         and (desk.suspensions > 0 or desk.failures_in_a_row >= p_failures_max) then
        desk.suspensions := desk.suspensions + 1;
        pause_s := least(p_suspended_max_s,
                         p_suspended_s * 2.0 ^ least(desk.suspensions - 1, 30))
                   * (1 + p_jitter * (2 * random() - 1));
        desk.suspended_until := at + make_interval(secs => pause_s);
        desk.because := report.because;
      end if;
    end if;

    update private.hosts as h
      set requests = h.requests + report.requests, bytes = h.bytes + report.bytes,
          failures = h.failures + report.failures, throttled = desk.throttled,
          last_asked_at = at, paused_until = desk.paused_until,
          suspended_until = desk.suspended_until, because = desk.because,
          throttled_in_a_row = desk.throttled_in_a_row,
          failures_in_a_row = desk.failures_in_a_row, suspensions = desk.suspensions
      where h.name = report.host;
  end loop;
end
$$;

-- Removes hosts that nobody wanted anything of for so many days, and shares that ended.
create function private.sweep_hosts(p_days int) returns int
language plpgsql set search_path = '' as $$
declare
  swept int;
begin
  -- In the order in which workers lock them; one that is being visited has no share to sweep.
  delete from private.host_shares as s
    using (
      select h.name from private.hosts as h
      where exists (
        select from private.host_shares as e
        where e.host = h.name and e.until < clock_timestamp() - interval '1 hour'
      )
      order by h.name collate "C" for update skip locked
    ) as idle
    where s.host = idle.name and s.until < clock_timestamp() - interval '1 hour';
  delete from private.hosts as h
    using (
      select o.name from private.hosts as o
      where greatest(o.seen_at, o.last_asked_at, o.paused_until, o.suspended_until)
              < clock_timestamp() - make_interval(days => p_days)
        and not exists (select from private.host_shares as e where e.host = o.name)
      order by o.name collate "C" for update skip locked
    ) as old
    where h.name = old.name;
  get diagnostics swept = row_count;
  return swept;
end
$$;

revoke execute on function private.allotted_places, private.share_host, private.share_hosts,
  private.report_hosts, private.sweep_hosts from public, anon, authenticated;
grant execute on function private.allotted_places, private.share_host, private.share_hosts,
  private.report_hosts, private.sweep_hosts to service_role;
