import type { ClusterPasswords } from "../types";
import { DATABASE, ROLES } from "./names";
import { scramSalt, scramVerifier } from "./scram";

/**
 * SQL that makes the cluster's roles and gives them these passwords; to be run in the database `postgres` by a
 * superuser, as often as one likes. One transaction; holds verifiers, never a password, and keeps even those out of
 * the server's log and of pg_stat_statements.
 */
export function rolesSql(passwords: ClusterPasswords, cluster: string): string {
  const role = (name: string, password: string, attributes: string) => `
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '${name}') THEN CREATE ROLE ${name}; END IF;
END $$;
ALTER ROLE ${name} WITH LOGIN ${attributes} PASSWORD '${scramVerifier(password, scramSalt(cluster, name))}';`;
  return `BEGIN;
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
SET LOCAL log_min_error_statement = 'panic';
SET LOCAL pg_stat_statements.track = 'none';
${role(ROLES.superuser, passwords.superuser, "SUPERUSER REPLICATION")}
${role(ROLES.replication, passwords.replication, "REPLICATION")}
${role(ROLES.rewind, passwords.rewind, "")}
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean) TO ${ROLES.rewind};
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean) TO ${ROLES.rewind};
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO ${ROLES.rewind};
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO ${ROLES.rewind};
${role(ROLES.admin, passwords.admin, "CREATEDB CREATEROLE")}
GRANT pg_monitor TO ${ROLES.admin} WITH ADMIN OPTION;
${role(ROLES.pgbouncer, passwords.pgbouncer, "")}

-- What PgBouncer asks to log a client in. It tells nothing of the roles that have no business in a pool.
CREATE SCHEMA IF NOT EXISTS pgkeel;
REVOKE ALL ON SCHEMA pgkeel FROM PUBLIC;
GRANT USAGE ON SCHEMA pgkeel TO ${ROLES.pgbouncer};
CREATE OR REPLACE FUNCTION pgkeel.user_lookup(wanted text, OUT name text, OUT secret text)
  RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT rolname::text, rolpassword FROM pg_catalog.pg_authid
  WHERE rolname = wanted AND rolcanlogin AND (rolvaliduntil IS NULL OR rolvaliduntil > now())
    AND NOT rolsuper AND NOT rolreplication AND rolname NOT IN ('${ROLES.rewind}', '${ROLES.pgbouncer}')
$$;
REVOKE ALL ON FUNCTION pgkeel.user_lookup(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgkeel.user_lookup(text) TO ${ROLES.pgbouncer};
COMMIT;
`;
}

/** For psql, after {@link rolesSql}: the database that a new cluster begins with. Harmless to repeat. */
export function databaseSql(): string {
  return `SELECT 'CREATE DATABASE ${DATABASE} OWNER ${ROLES.admin}'
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = '${DATABASE}') \\gexec
\\connect ${DATABASE}
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
`;
}
