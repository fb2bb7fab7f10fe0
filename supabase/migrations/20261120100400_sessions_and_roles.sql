-- What an access token cannot know, and as whom the Functions app logs in.

-- Is the session still open? False after sign-out, expiry, ban or deletion, while the access
-- token itself stays valid until it expires.
create function private.session_is_live(p_session uuid, p_user uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from auth.sessions as session
    join auth.users as owner on owner.id = session.user_id
    where session.id = p_session
      and owner.id = p_user
      and (session.not_after is null or session.not_after > now())
      and (owner.banned_until is null or owner.banned_until < now())
      and owner.deleted_at is null
  )
$$;
revoke execute on function private.session_is_live(uuid, uuid) from public, anon, authenticated;
grant execute on function private.session_is_live(uuid, uuid) to service_role;

-- Login roles without rights of their own: a statement outside a request context is refused.
-- Their passwords are set by whoever deploys.
do $$
begin
  if not exists (select from pg_roles where rolname = 'pixcrawler_api') then
    create role pixcrawler_api login noinherit;
  end if;
  if not exists (select from pg_roles where rolname = 'pixcrawler_worker') then
    create role pixcrawler_worker login noinherit;
  end if;
end
$$;
grant anon, authenticated to pixcrawler_api;
grant service_role to pixcrawler_worker;
