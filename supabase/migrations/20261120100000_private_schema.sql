-- What the Data API must never reach lives in the schema private; what it may reach is granted
-- table by table in the next files. Runs as postgres, which is no superuser, on PostgreSQL 15-18.

create schema private;
revoke all on schema private from public, anon, authenticated;
grant usage on schema private to service_role;

-- Supabase gives everything new in public to the Data API's roles.
alter default privileges in schema public revoke all on tables from anon, authenticated;
alter default privileges in schema public revoke all on sequences from anon, authenticated;
alter default privileges in schema public revoke execute on functions from anon, authenticated;
-- Not "in schema ...": that cannot take back the built-in EXECUTE of PUBLIC.
alter default privileges revoke execute on functions from public;

create function private.touch() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  return new;
end
$$;
