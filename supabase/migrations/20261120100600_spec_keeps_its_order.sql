-- A job file's categories are built and listed in the order in which they were written. jsonb
-- sorts the names of an object; json keeps them as they came.

do $$
declare
  entries text := pg_get_viewdef('public.crawl_job_entries'::regclass);
begin
  drop view public.crawl_job_entries;
  alter table public.crawl_jobs drop constraint crawl_jobs_spec_check;
  alter table public.crawl_jobs alter column spec type json using spec::json;
  alter table public.crawl_jobs
    add constraint crawl_jobs_spec_check check (json_typeof(spec) = 'object');
  execute 'create view public.crawl_job_entries with (security_invoker = true) as ' || entries;
end
$$;
revoke all on public.crawl_job_entries from anon, authenticated;
grant select on public.crawl_job_entries to authenticated, service_role;
