-- Pictures that hosts give instead of those they are asked for, as jobs found them. Each is known
-- for one host only: nobody can make other people's jobs lose a picture elsewhere.

create table private.placeholders (
  host text not null check (char_length(host) between 1 and 320), -- with its port, if not the usual
  sha256 bytea not null check (octet_length(sha256) = 32),
  addresses int not null check (addresses > 0), -- most that one job saw it under
  first_seen_at timestamptz not null,
  seen_at timestamptz not null,                 -- last confirmed; long ago: it counts no more
  primary key (host, sha256)
);
create index placeholders_age_idx on private.placeholders (seen_at);

grant select, insert, update, delete on private.placeholders to service_role;
