-- projects 1-n datasets 1-n versions; a job builds one version.
-- Every row carries its owner, and every foreign key the owner too: no code, whatever its
-- rights, can put one user's row under another user's.

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.profiles (id) on delete cascade,
  name text not null check (name = btrim(name) and char_length(name) between 1 and 120),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  unique (id, user_id)
);
create unique index projects_user_name_live_key on public.projects (user_id, lower(name))
  where deleted_at is null;

create table public.datasets (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  project_id uuid not null,
  name text not null check (name = btrim(name) and char_length(name) between 1 and 120),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  unique (id, user_id),
  foreign key (project_id, user_id) references public.projects (id, user_id) on delete cascade
);
create unique index datasets_user_name_live_key on public.datasets (user_id, lower(name))
  where deleted_at is null;
create index datasets_user_page_idx on public.datasets (user_id, created_at desc, id desc)
  where deleted_at is null;
create index datasets_project_idx on public.datasets (project_id, user_id);

create table public.dataset_versions (
  dataset_id uuid not null,
  version int not null check (version > 0),
  user_id uuid not null,
  status text not null default 'building'
    check (status in ('building', 'assembled', 'packaged', 'failed', 'cancelled')),
  images int not null default 0 check (images >= 0),
  bytes bigint not null default 0 check (bytes >= 0),
  manifest text check (char_length(manifest) <= 1100),  -- container/name of the blob
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  packaged_at timestamptz,
  primary key (dataset_id, version),
  unique (dataset_id, version, user_id),
  foreign key (dataset_id, user_id) references public.datasets (id, user_id) on delete cascade,
  check (status <> 'packaged' or packaged_at is not null)
);
create index dataset_versions_owner_idx on public.dataset_versions (dataset_id, user_id);

create table public.archives (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  dataset_id uuid not null,
  version int not null,
  format text not null check (format in ('zip')),
  container text not null check (char_length(container) between 3 and 63),
  name text not null check (char_length(name) between 1 and 1024),
  bytes bigint not null check (bytes >= 0),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  tier text not null check (tier in ('hot', 'warm', 'cold')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (dataset_id, version, format),
  foreign key (dataset_id, version, user_id)
    references public.dataset_versions (dataset_id, version, user_id) on delete cascade
);
create index archives_owner_idx on public.archives (dataset_id, version, user_id);

do $$
declare
  name text;
begin
  foreach name in array array['projects', 'datasets', 'dataset_versions', 'archives'] loop
    execute format('create trigger %I before update on public.%I
                    for each row execute function private.touch()', name || '_touch', name);
    execute format('alter table public.%I enable row level security', name);
    execute format('revoke all on public.%I from anon, authenticated', name);
    execute format('grant all on public.%I to service_role', name);
    execute format('grant select on public.%I to authenticated', name);
    execute format('create policy %I on public.%I for select to authenticated
                    using ((select auth.uid()) = user_id)', name || '_select_own', name);
  end loop;
end
$$;
