/**
 * Names in HAProxy's configuration, which its admin socket shows too (`show stat`, `show servers state`): proxy `leader` with
 * one server for each member, named by its key; proxy `replicas` with the same names for reads, and `<key>.leader` for the
 * way back to the leader when no replica is fit.
 */

/** Leads to the leader alone. */
export const LEADER_ROUTE = { proxy: "leader", port: 5000 } as const;
/** Leads to replicas within the lag bound; to the leader when there is none. */
export const READ_ROUTE = { proxy: "replicas", port: 5001 } as const;
/** Statistics page and `/metrics` in Prometheus's format; loopback only. */
export const STATISTICS_PORT = 7000;
/** Where root talks to HAProxy. */
export const ADMIN_SOCKET = "/run/haproxy/admin.sock";
/** Which servers were up when HAProxy last reloaded; read by the worker that takes over. */
export const STATE_FILE = "/run/haproxy/server-state";
/** The machine-side program: `status`, `wait --leader KEY --within SECONDS`, `announce --leader KEY`, `reload`. */
export const ROUTES_PROGRAM = "/usr/local/lib/pgkeel/haproxy-routes";
