-- Versions and archives, as the service.

-- name: version_assembled
update public.dataset_versions
set status = case when status = 'building' then 'assembled' else status end,
    images = %(images)s, bytes = %(bytes)s, manifest = %(manifest)s
where dataset_id = %(dataset_id)s and version = %(version)s

-- name: put_archive
insert into public.archives
  (user_id, dataset_id, version, format, container, name, bytes, sha256, tier)
select v.user_id, v.dataset_id, v.version, %(format)s, %(container)s, %(name)s, %(bytes)s,
       %(sha256)s, %(tier)s
from public.dataset_versions as v
where v.dataset_id = %(dataset_id)s and v.version = %(version)s
on conflict (dataset_id, version, format) do update
set container = excluded.container, name = excluded.name, bytes = excluded.bytes,
    sha256 = excluded.sha256, tier = excluded.tier

-- name: version_packaged
update public.dataset_versions
set status = 'packaged', packaged_at = now()
where dataset_id = %(dataset_id)s and version = %(version)s
  and status in ('building', 'assembled')

-- name: dataset_changed
update public.datasets set updated_at = now() where id = %(dataset_id)s

-- name: builder
select j.id as answer
from public.crawl_jobs as j
where j.dataset_id = %(dataset_id)s and j.version = %(version)s

-- name: archive
select container, name, format, bytes, sha256
from public.archives
where dataset_id = %(dataset_id)s and version = %(version)s
order by created_at
limit 1
