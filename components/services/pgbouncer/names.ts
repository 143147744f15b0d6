/** A port that clients connect to, and the PgBouncer processes behind it. */
export interface PoolerPort {
  /** Part of the names of processes, units and files: process `rw-1` is unit `pgbouncer-rw@1`, file /etc/pgbouncer/rw-1.ini. */
  readonly name: "rw" | "ro";
  readonly port: number;
}

export const READ_WRITE: PoolerPort = { name: "rw", port: 6432 };
export const READ_ONLY: PoolerPort = { name: "ro", port: 6433 };

/** System user of the processes. Its name gives it PgBouncer's admin console, over its own Unix sockets only. */
export const PGBOUNCER_USER = "pgbouncer";
/** Starts and stops all processes. */
export const PGBOUNCER_TARGET = "pgbouncer.target";
/** The machine-side program: `pause --for SECONDS --within SECONDS`, `resume`, `status`, `reconnect`. */
export const PAUSE_PROGRAM = "/usr/local/lib/pgkeel/pgbouncer-pause";

/**
 * A client that has logged in may wait this long for a server, and one that logs in this long for the lookup of its
 * password; in seconds. PgBouncer's defaults. The pause program refuses pauses that come near the shorter one.
 */
export const QUERY_WAIT_SECONDS = 120;
export const LOGIN_SECONDS = 60;
