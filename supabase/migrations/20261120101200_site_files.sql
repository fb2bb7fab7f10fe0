-- Files in which sites say what robots may do, as some worker fetched them; for a day at most.

create table private.site_files (
  url text primary key check (char_length(url) <= 1000),
  status int,                         -- null: no answer came
  body bytea not null default '' check (octet_length(body) <= 512000),
  sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
  until timestamptz not null
);
create index site_files_until_idx on private.site_files (until);

grant select, insert, update, delete on private.site_files to service_role;
