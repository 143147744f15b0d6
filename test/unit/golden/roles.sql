BEGIN;
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
SET LOCAL log_min_error_statement = 'panic';
SET LOCAL pg_stat_statements.track = 'none';

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'postgres') THEN CREATE ROLE postgres; END IF;
END $$;
ALTER ROLE postgres WITH LOGIN SUPERUSER REPLICATION PASSWORD '…';

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'replicator') THEN CREATE ROLE replicator; END IF;
END $$;
ALTER ROLE replicator WITH LOGIN REPLICATION PASSWORD '…';

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'rewind') THEN CREATE ROLE rewind; END IF;
END $$;
ALTER ROLE rewind WITH LOGIN  PASSWORD '…';
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean) TO rewind;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean) TO rewind;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO rewind;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO rewind;

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'admin') THEN CREATE ROLE admin; END IF;
END $$;
ALTER ROLE admin WITH LOGIN CREATEDB CREATEROLE PASSWORD '…';
GRANT pg_monitor TO admin WITH ADMIN OPTION;

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pgbouncer') THEN CREATE ROLE pgbouncer; END IF;
END $$;
ALTER ROLE pgbouncer WITH LOGIN  PASSWORD '…';

-- What PgBouncer asks to log a client in. It tells nothing of the roles that have no business in a pool.
CREATE SCHEMA IF NOT EXISTS pgkeel;
REVOKE ALL ON SCHEMA pgkeel FROM PUBLIC;
GRANT USAGE ON SCHEMA pgkeel TO pgbouncer;
CREATE OR REPLACE FUNCTION pgkeel.user_lookup(wanted text, OUT name text, OUT secret text)
  RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT rolname::text, rolpassword FROM pg_catalog.pg_authid
  WHERE rolname = wanted AND rolcanlogin AND (rolvaliduntil IS NULL OR rolvaliduntil > now())
    AND NOT rolsuper AND NOT rolreplication AND rolname NOT IN ('rewind', 'pgbouncer')
$$;
REVOKE ALL ON FUNCTION pgkeel.user_lookup(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgkeel.user_lookup(text) TO pgbouncer;
COMMIT;
SELECT 'CREATE DATABASE app OWNER admin'
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = 'app') \gexec
\connect app
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
