-- The desk: what all workers know together of the engines. Quotas are exact over every worker of
-- the deployment, because each request takes a ticket and gives it back under the engine's row.

create table private.engines (
  name text primary key check (name ~ '^[a-z][a-z0-9_]{1,39}$'),
  numbered bigint not null default 0,  -- tickets given so far
  ended bigint not null default 0,     -- requests that have ended so far
  status text check (char_length(status) <= 40),
  kind text check (char_length(kind) <= 40),
  detail text check (char_length(detail) <= 1000),
  failures int not null default 0 check (failures >= 0),
  suspended_until timestamptz,         -- null: the breaker is closed
  opened_at bigint not null default 0, -- the last ticket given before the breaker opened
  probe bigint,                        -- the ticket that tries a suspended engine again
  last_asked_at timestamptz,
  last_ok_at timestamptz
) with (fillfactor = 50);

-- Requests that were let through and have not ended: each may reach the engine between due_at and
-- its end. One that nobody reports counts as ended at lost_at: its worker is gone.
create table private.engine_tickets (
  engine text not null references private.engines (name) on delete cascade,
  number bigint not null,
  due_at timestamptz not null,
  lost_at timestamptz not null,
  primary key (engine, number)
);

-- When requests ended, in that order: ended_at never falls as place rises. Only as many are kept
-- as the engine's largest quota counts.
create table private.engine_ends (
  engine text not null references private.engines (name) on delete cascade,
  place bigint not null,
  ended_at timestamptz not null,
  primary key (engine, place)
);

-- Who switched which engine on or off; the newest line of an engine counts, the others are history.
create table private.engine_switches (
  id bigint generated always as identity primary key,
  engine text not null check (engine ~ '^[a-z][a-z0-9_]{1,39}$'),
  is_on boolean not null,
  terms_digest text check (terms_digest ~ '^[0-9a-f]{64}$'),
  switched_by text not null check (char_length(switched_by) between 1 and 320),
  switched_at timestamptz not null default clock_timestamp(),
  check (terms_digest is not null or not is_on)
);
create index engine_switches_newest_idx on private.engine_switches (engine, id desc);

grant select, insert, update, delete
  on private.engines, private.engine_tickets, private.engine_ends to service_role;
-- History is added to, never changed.
grant select, insert on private.engine_switches to service_role;

-- A ticket for one request, or why there is none.
--
-- A request that ended, or may still be under way, less than `seconds` before another starts can be
-- counted with it. So number n starts only when fewer than `requests` others are under way or
-- ended less than `seconds` ago: whatever the network does to each, no stretch of `seconds` then
-- holds more than `requests` at the engine.
create function private.admit_request(
  p_engine text,
  p_terms text,           -- digest that must have been accepted; null: none
  p_requests int[],
  p_seconds float8[],
  p_patience_s float8,
  p_lost_after_s float8,
  out outcome text,       -- given, switched_off, suspended, probing, quota, taken, busy
  out asked_at timestamptz,
  out number bigint,
  out wait_s float8,      -- until the ticket is due; for busy: until it is worth asking again
  out is_probe boolean,
  out quota int,          -- place of the quota that is used up
  out until timestamptz,
  out kind text,
  out detail text
)
language plpgsql set search_path = '' as $$
declare
  desk private.engines;
  switch private.engine_switches;
  latest timestamptz;
  due timestamptz;
  free timestamptz;
  first_due timestamptz;
  under_way int;
  busy int;
begin
  is_probe := false;
  asked_at := clock_timestamp();
  select * into switch from private.engine_switches as s
    where s.engine = p_engine order by s.id desc limit 1;
  if not coalesce(switch.is_on, p_terms is null)
     or switch.terms_digest is distinct from p_terms and p_terms is not null then
    outcome := 'switched_off';
    return;
  end if;

  insert into private.engines (name) values (p_engine) on conflict do nothing;
  select * into desk from private.engines as e where e.name = p_engine for update;
  -- Not now(): the transaction may have waited for the row.
  asked_at := clock_timestamp();
  latest := asked_at + make_interval(secs => p_patience_s);
  due := asked_at;

  with lost as (
    delete from private.engine_tickets as t
      where t.engine = p_engine and t.lost_at <= asked_at returning t.lost_at
  )
  insert into private.engine_ends (engine, place, ended_at)
    select p_engine, desk.ended + row_number() over (order by lost.lost_at),
           greatest(lost.lost_at, (select e.ended_at from private.engine_ends as e
                                   where e.engine = p_engine and e.place = desk.ended))
    from lost;
  if found then
    select max(e.place) into desk.ended from private.engine_ends as e where e.engine = p_engine;
    update private.engines set ended = desk.ended where name = p_engine;
  end if;

  if desk.suspended_until is not null then
    kind := desk.kind;
    detail := desk.detail;
    until := desk.suspended_until;
    if until > latest then
      outcome := 'suspended';
      return;
    end if;
    select t.lost_at into free from private.engine_tickets as t
      where t.engine = p_engine and t.number = desk.probe;
    if found then
      outcome := 'probing';
      until := free;
      wait_s := 0;
      return;
    end if;
    is_probe := true;
    due := greatest(due, until);
  end if;

  select count(*), greatest(min(t.due_at), asked_at) into under_way, first_due
    from private.engine_tickets as t where t.engine = p_engine;
  for i in 1 .. cardinality(p_requests) loop
    free := null;
    if under_way >= p_requests[i] then
      busy := i;
      free := first_due;
    else
      select e.ended_at into free from private.engine_ends as e
        where e.engine = p_engine and e.place = desk.ended + 1 - (p_requests[i] - under_way);
    end if;
    -- A millisecond more, so that no rounding counts both.
    free := free + make_interval(secs => p_seconds[i] + 0.001);
    if free > due then
      due := free;
      quota := i;
    end if;
  end loop;
  until := due;
  wait_s := extract(epoch from due - asked_at);
  if due > latest then
    outcome := case when quota = busy then 'taken' else 'quota' end;
    return;
  end if;
  if busy is not null then
    outcome := 'busy';
    quota := busy;
    return;
  end if;

  outcome := 'given';
  number := desk.numbered + 1;
  insert into private.engine_tickets (engine, number, due_at, lost_at)
    values (p_engine, number, due, due + make_interval(secs => p_lost_after_s));
  update private.engines as e
    set numbered = e.numbered + 1, last_asked_at = due,
        probe = case when is_probe then e.numbered + 1 else e.probe end
    where e.name = p_engine;
  wait_s := greatest(0, extract(epoch from due - clock_timestamp()));
end
$$;

-- A request has ended; with a status, that is the engine's answer and moves the breaker.
-- Trouble of a request that was under way before the breaker opened is no news: it can make the
-- suspension longer, and nothing else; its success does not end it.
create function private.settle_request(
  p_engine text,
  p_number bigint,
  p_status text,          -- null: another try of the same request will tell
  p_kind text,
  p_detail text,
  p_first_s float8,       -- null: all is well; else the pause after the first trouble ...
  p_step_s float8,        -- ... longer by so much with each further one in a row ...
  p_longest_s float8,     -- ... up to this
  p_stated_s float8,      -- what the engine asks for itself
  p_keep int              -- requests that the largest quota counts
) returns void
language plpgsql set search_path = '' as $$
declare
  desk private.engines;
  at timestamptz;
  pause_s float8;
  is_old boolean;
begin
  select * into desk from private.engines as e where e.name = p_engine for update;
  if not found then
    return;
  end if;
  at := clock_timestamp();
  delete from private.engine_tickets where engine = p_engine and number = p_number;
  desk.ended := desk.ended + 1;
  -- Also when the ticket was held for lost: it ended now, not then.
  insert into private.engine_ends (engine, place, ended_at)
    select p_engine, desk.ended,
           greatest(at, (select e.ended_at from private.engine_ends as e
                         where e.engine = p_engine and e.place = desk.ended - 1));
  delete from private.engine_ends where engine = p_engine and place <= desk.ended - p_keep;
  if desk.probe = p_number then
    desk.probe := null;
  end if;
  is_old := desk.suspended_until is not null and p_number <= desk.opened_at;

  if p_status is not null and p_first_s is null then
    desk.last_ok_at := at;
    if not is_old then
      desk.status := p_status;
      desk.kind := null;
      desk.detail := null;
      desk.failures := 0;
      desk.suspended_until := null;
    end if;
  elsif p_status is not null then
    if not is_old then
      desk.failures := desk.failures + 1;
    end if;
    pause_s := least(p_longest_s, p_first_s + p_step_s * (desk.failures - 1));
    pause_s := greatest(pause_s, p_stated_s);
    if not is_old or at + make_interval(secs => pause_s) > desk.suspended_until then
      desk.status := p_status;
      desk.kind := p_kind;
      desk.detail := p_detail;
      desk.suspended_until := case when pause_s > 0 then at + make_interval(secs => pause_s) end;
      desk.opened_at := desk.numbered;
    end if;
  end if;
  update private.engines as e
    set ended = desk.ended, probe = desk.probe, status = desk.status, kind = desk.kind,
        detail = desk.detail, failures = desk.failures, suspended_until = desk.suspended_until,
        opened_at = desk.opened_at, last_ok_at = desk.last_ok_at
    where e.name = p_engine;
end
$$;

revoke execute on function private.admit_request, private.settle_request
  from public, anon, authenticated;
grant execute on function private.admit_request, private.settle_request to service_role;
