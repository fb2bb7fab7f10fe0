-- One profile for each user of Supabase Auth, made when the user signs up.

create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  email text,
  full_name text check (char_length(full_name) <= 200),
  avatar_url text check (char_length(avatar_url) <= 2048),
  -- The authority for admin rights; the claim in the token is a hint.
  role text not null default 'user' check (role in ('user', 'admin')),
  tier text not null default 'free' check (tier in ('free', 'pro', 'enterprise')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create trigger profiles_touch before update on public.profiles
  for each row execute function private.touch();

create function private.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, email, full_name)
    values (new.id, new.email, left(new.raw_user_meta_data ->> 'full_name', 200))
    on conflict (id) do nothing;
  return new;
exception when others then
  -- A profile that is missing is made on first use; a failing trigger would refuse the sign-up.
  raise warning 'handle_new_user %: %', new.id, sqlerrm;
  return new;
end
$$;
create trigger on_auth_user_created after insert on auth.users
  for each row execute function private.handle_new_user();

create function private.handle_user_updated() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.profiles set email = new.email
    where id = new.id and email is distinct from new.email;
  return new;
exception when others then
  raise warning 'handle_user_updated %: %', new.id, sqlerrm;
  return new;
end
$$;
create trigger on_auth_user_updated after update of email on auth.users
  for each row execute function private.handle_user_updated();

alter table public.profiles enable row level security;
revoke all on public.profiles from anon, authenticated;
grant all on public.profiles to service_role;
grant select, update (full_name, avatar_url) on public.profiles to authenticated;
create policy profiles_select_own on public.profiles for select to authenticated
  using ((select auth.uid()) = id);
create policy profiles_update_own on public.profiles for update to authenticated
  using ((select auth.uid()) = id) with check ((select auth.uid()) = id);

revoke execute on all functions in schema private from public, anon, authenticated;
