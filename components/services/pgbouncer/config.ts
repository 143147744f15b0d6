import { connectString, type IniLine, type IniSection, renderIni } from "../../render/ini";
import { LEADER_ROUTE, READ_ROUTE } from "../haproxy/names";
import { LOGIN_SECONDS, type PoolerPort, QUERY_WAIT_SECONDS } from "./names";
import { LOOKUP_CONNECTIONS, type PortShare } from "./pools";

export const CONFIG = "/etc/pgbouncer";
export const TLS = "/etc/pgkeel/tls/pgbouncer";
export const USERLIST = `${CONFIG}/userlist.txt`;

/** Role that looks passwords up, and the function it does so with; both are made with the cluster. */
const LOOKUP_ROLE = "pgbouncer";
const LOOKUP_DATABASE = "postgres";
const LOOKUP_QUERY = "SELECT * FROM pgkeel.user_lookup($1)";

/**
 * The settings that all processes of a port share. PgBouncer takes every change of them by RELOAD. The file is included in
 * each process's section [pgbouncer] and goes on with it: at a second header of that name, PgBouncer would forget the first.
 */
export function portConfig(port: PoolerPort, share: PortShare): string {
  return renderIni(
    [
      { lines: sharedSettings(share) },
      databases(port),
      { name: "users", lines: [[LOOKUP_ROLE, connectString({ max_user_connections: LOOKUP_CONNECTIONS })]] },
      peers(port, share),
    ],
    "All processes of this port; a change is taken by RELOAD.",
  );
}

/** What one process alone has, and what PgBouncer reads only when it starts. A change restarts this process. */
export function processConfig(port: PoolerPort, id: number): string {
  return renderIni(
    [
      {
        name: "pgbouncer",
        lines: [
          // Every address: a listener on one that is not up yet would be left out without an error.
          ["listen_addr", "0.0.0.0"],
          ["listen_port", port.port],
          ["so_reuseport", true],
          // Room for every client of a pool that reconnects at once, the kernel's own limit.
          ["listen_backlog", 4096],
          ["unix_socket_dir", socketDirectory(port, id)],
          ["peer_id", id],
          { directive: `%include ${CONFIG}/${port.name}.ini` },
        ],
      },
    ],
    "What one process has for itself; a change restarts it.",
  );
}

/** Where one process has its admin socket. */
export function socketDirectory(port: PoolerPort, id: number): string {
  return `/run/pgbouncer/${port.name}-${id}`;
}

/** PgBouncer's file of passwords it knows by itself. Throws on a line break. */
export function userlist(passwords: Readonly<Record<string, string>>): string {
  const quoted = (text: string) => {
    if (/[\r\n\0]/.test(text)) throw new Error("pgbouncer: a password is one line");
    return `"${text.replaceAll('"', '""')}"`;
  };
  return Object.entries(passwords)
    .map(([role, password]) => `${quoted(role)} ${quoted(password)}\n`)
    .join("");
}

function sharedSettings(share: PortShare): IniLine[] {
  return [
    ["pool_mode", "transaction"],
    // Of one server connection; a driver rarely has more distinct statements in use at once.
    ["max_prepared_statements", 256],
    ["max_client_conn", share.clientConnections],
    ["default_pool_size", share.poolSize],
    ["max_db_connections", share.databaseConnections],

    ["auth_type", "scram-sha-256"],
    ["auth_file", USERLIST],
    ["auth_user", LOOKUP_ROLE],
    ["auth_dbname", LOOKUP_DATABASE],
    ["auth_query", LOOKUP_QUERY],
    // May look at the console (SHOW POOLS) with a password; changing anything takes this machine's own user.
    ["stats_users", "admin"],

    ["client_tls_sslmode", "require"],
    ["client_tls_cert_file", `${TLS}/machine.crt`],
    ["client_tls_key_file", `${TLS}/machine.key`],
    // The name cannot be checked: the connection goes to HAProxy, and which member answers is HAProxy's choice.
    ["server_tls_sslmode", "verify-ca"],
    ["server_tls_ca_file", `${TLS}/ca.crt`],

    // HAProxy accepts at once and a member may not answer: dial again soon, through whoever leads by then.
    ["server_connect_timeout", 2],
    ["server_login_retry", 0.2],
    ["query_wait_timeout", QUERY_WAIT_SECONDS],
    // Readers move to a replica that came back within this time, and an old HAProxy worker loses its last idle session.
    ["server_lifetime", 600],
    // Short, so that connections that one database left are there for another.
    ["server_idle_timeout", 120],
    // A connection found dead costs a client its query; a check costs a round trip every 10 s of idleness.
    ["server_check_delay", 10],
    ["client_login_timeout", LOGIN_SECONDS],

    // A client machine that is gone without a word is found in 60 + 3 × 10 s.
    ["tcp_keepalive", true],
    ["tcp_keepidle", 60],
    ["tcp_keepintvl", 10],
    ["tcp_keepcnt", 3],

    // Sent by JDBC and others at login; it changes nothing that a pooled session could get wrong.
    ["ignore_startup_parameters", "extra_float_digits"],

    // To the journal, without a line for every login.
    ["log_connections", false],
    ["log_disconnections", false],
    ["log_stats", false],
  ];
}

function databases(port: PoolerPort): IniSection {
  switch (port.name) {
    case "rw":
      return {
        name: "databases",
        lines: [["*", connectString({ host: "127.0.0.1", port: LEADER_ROUTE.port })]],
      };
    case "ro":
      // Where the leader stands in for replicas, this port must not write either.
      return {
        name: "databases",
        lines: [
          [
            "*",
            connectString({
              host: "127.0.0.1",
              port: READ_ROUTE.port,
              connect_query: "SET default_transaction_read_only = on",
            }),
          ],
        ],
      };
  }
}

/** A cancel request comes over a connection of its own, which may reach another process than the query: it is passed on. */
function peers(port: PoolerPort, share: PortShare): IniSection {
  const ids = Array.from({ length: share.processes }, (_, index) => index + 1);
  return {
    name: "peers",
    lines: ids.map((id) => [String(id), connectString({ host: socketDirectory(port, id), port: port.port })]),
  };
}
