export const POSTGRESQL_PORT = 5432;
/** Patroni's REST API: TLS; reading needs no login, every change does. */
export const API_PORT = 8008;
/** User of the REST API's basic authentication. */
export const API_USER = "patroni";

/** Patroni reads every `.yml` in it, in the order of their names; `patronictl -c` takes it too. */
export const CONFIG_DIR = "/etc/patroni/pgkeel";
/** On a member: exists while the running Patroni is older than its unit or package; says so in its text. */
export const RESTART_PENDING = "/var/lib/pgkeel/patroni.restart-pending";

/** On a member, readable by root: the login for changes through the REST API, for `curl --config`. */
export const API_LOGIN = "/etc/pgkeel/patroni/api.curl";
/** The same for etcd's user `patroni`, as the body of a request; the converge script tries the way in with it. */
export const ETCD_LOGIN = "/etc/pgkeel/patroni/etcd-login.json";

export const TLS_DIR = "/etc/pgkeel/tls/patroni";
export const DATA_DIR = "/var/lib/postgresql/17/main";
/**
 * Where WAL goes when a disk for it is declared. Not the disk's mount point itself: initdb and pg_basebackup want an
 * empty directory, and Patroni one that it can remove.
 */
export const WAL_DIR = "/var/lib/postgresql/wal/17-main";
export const BIN_DIR = "/usr/lib/postgresql/17/bin";
export const SOCKET_DIR = "/var/run/postgresql";

/** Run once by Patroni, in a cluster that was just made. */
export const POST_BOOTSTRAP = "/usr/local/lib/pgkeel/patroni-post-bootstrap";
/** Run by Patroni before each stop of PostgreSQL; acts only on a stop that was asked for, see {@link QUICK_STOP}. */
export const BEFORE_STOP = "/usr/local/lib/pgkeel/patroni-before-stop";
/** On a member: while this file is younger than 15 s, a planned stop is as quick as PostgreSQL can be. */
export const QUICK_STOP = "/run/pgkeel/quick-stop";
export const ROLES_SQL = "/etc/pgkeel/patroni/roles.sql";
export const DATABASE_SQL = "/etc/pgkeel/patroni/database.sql";

/** Database that a new cluster has beside `postgres`; owned by the role `admin`. */
export const DATABASE = "app";

/** Roles that the program makes and needs. */
export const ROLES = {
  superuser: "postgres",
  replication: "replicator",
  rewind: "rewind",
  admin: "admin",
  pgbouncer: "pgbouncer",
} as const;
