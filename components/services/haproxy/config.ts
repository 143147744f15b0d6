import type { ClusterPlan, PlannedMachine } from "../../plan";
import { type HaproxyLine, type HaproxySection, renderHaproxy } from "../../render/haproxy";
import { recoveryTimings } from "../../spec";
import { pooling } from "../pgbouncer/pooling";
import { ADMIN_SOCKET, LEADER_ROUTE, READ_ROUTE, STATE_FILE, STATISTICS_PORT } from "./names";

export const CA_FILE = "/etc/pgkeel/tls/haproxy/ca.crt";

/**
 * How far a replica may be behind the leader and still take reads, in PostgreSQL's notation. Patroni compares with the
 * leader's position as it last told the DCS, so up to one loop_wait of writes comes on top. 16MB is one WAL segment: under
 * a second of replay for most systems, and no ordinary burst takes a replica out.
 */
export const READ_LAG_BOUND = "16MB";

/** As long as PgBouncer keeps a connection at all; sessions end by PgBouncer's own limits before. */
const SESSION_TIMEOUT = "24h";
/** Sessions other than PostgreSQL's: the statistics page and its scrapers. */
const STATISTICS_SESSIONS = 100;

/** The whole haproxy.cfg of one pooler machine. */
export function haproxyConfig(plan: ClusterPlan, machine: PlannedMachine): string {
  const shares = pooling(plan, machine);
  return renderHaproxy([
    globals(machine, shares.readWrite.connections + shares.readOnly.connections + STATISTICS_SESSIONS),
    defaults(plan),
    leaderRoute(plan, shares.readWrite.connections),
    readRoute(plan, shares.readOnly.connections),
    statistics(),
  ]);
}

function globals(machine: PlannedMachine, sessions: number): HaproxySection {
  return {
    header: ["global"],
    lines: [
      // To the journal; level notice leaves out connections and keeps every change of a server.
      ["log", "stdout", "format", "short", "daemon", "notice"],
      ["chroot", "/var/lib/haproxy"],
      ["user", "haproxy"],
      ["group", "haproxy"],
      ["maxconn", sessions],
      // It only moves bytes: a thread or two feed a 10 Gbit/s link.
      ["nbthread", Math.max(1, Math.min(4, Math.floor(machine.spec.size.vcpu)))],
      ["stats", "socket", ADMIN_SOCKET, "user", "root", "group", "root", "mode", "600", "level", "admin"],
      ["stats", "timeout", "1m"],
      ["server-state-file", STATE_FILE],
      // After a reload, the old worker keeps its sessions without checking servers. PgBouncer is told to leave it, so only
      // running transactions stay; this ends the last of them.
      ["hard-stop-after", SESSION_TIMEOUT],
    ],
  };
}

function defaults(plan: ClusterPlan): HaproxySection {
  const timing = recoveryTimings(plan.spec.recovery).haproxy;
  const ms = (value: number) => `${value}ms`;
  return {
    header: ["defaults"],
    lines: [
      ["mode", "tcp"],
      ["log", "global"],
      ["option", "dontlog-normal"],
      // PgBouncer gives up a connection that takes 2 s, and dials again.
      ["timeout", "connect", "2s"],
      ["timeout", "client", SESSION_TIMEOUT],
      ["timeout", "server", SESSION_TIMEOUT],
      // Without it a check may take no longer than its interval, and a busy machine flaps.
      ["timeout", "check", ms(timing.checkTimeoutMs)],
      // A machine that is gone without a word is found in 25 s where no health check tells before, as after a reload.
      ["option", "srvtcpka"],
      ["srvtcpka-idle", "10s"],
      ["srvtcpka-intvl", "5s"],
      ["srvtcpka-cnt", 3],
      ["load-server-state-from-file", "global"],
      [
        ...["default-server", "port", 8008, "check-ssl", "verify", "required", "ca-file", CA_FILE],
        ...["check-alpn", "http/1.1"],
        ...["inter", ms(timing.interMs), "fastinter", ms(timing.fastinterMs), "downinter", ms(timing.downinterMs)],
        ...["rise", timing.rise, "fall", timing.fall],
        ...["on-marked-down", "shutdown-sessions", "tcp-ut", "25s"],
      ],
    ],
  };
}

function leaderRoute(plan: ClusterPlan, connections: number): HaproxySection {
  return {
    header: ["listen", LEADER_ROUTE.proxy],
    comment: "Writes: the one member whose Patroni holds the leader key.",
    lines: [
      ["bind", `127.0.0.1:${LEADER_ROUTE.port}`],
      ["maxconn", connections],
      ["option", "httpchk"],
      ["http-check", "send", "meth", "OPTIONS", "uri", "/primary"],
      ["http-check", "expect", "status", 200],
      ...plan.members.map(checkedServer),
    ],
  };
}

function readRoute(plan: ClusterPlan, connections: number): HaproxySection {
  const readers = plan.members.filter(takesReads);
  return {
    header: ["listen", READ_ROUTE.proxy],
    comment: [
      "Reads: replicas within the lag bound, spread by load; the leader only when there is none.",
      "A replica that becomes leader gets no new sessions (NOLB) but keeps those it has: a switchover breaks no reader.",
    ].join("\n"),
    lines: [
      ["bind", `127.0.0.1:${READ_ROUTE.port}`],
      ["maxconn", connections],
      ["balance", "leastconn"],
      ["option", "httpchk"],
      ["http-check", "send", "meth", "GET", "uri", `/read-only?lag=${READ_LAG_BOUND}`],
      ["http-check", "expect", "status", 200],
      ["http-check", "expect", "!", "rstring", '"role": *"(primary|master)"', "error-status", "L7OKC"],
      ...readers.map(checkedServer),
      ...plan.members
        .filter(mayLead)
        .map(({ key, address }) => [
          ...["server", `${key}.leader`, `${address}:5432`],
          ...["track", `${LEADER_ROUTE.proxy}/${key}`, "backup"],
        ]),
    ],
  };
}

function checkedServer({ key, address, hostname }: PlannedMachine): HaproxyLine {
  return ["server", key, `${address}:5432`, "check", "verifyhost", hostname, "check-sni", hostname];
}

function statistics(): HaproxySection {
  return {
    header: ["frontend", "statistics"],
    comment: "For people and for Prometheus, on this machine only.",
    lines: [
      ["bind", `127.0.0.1:${STATISTICS_PORT}`],
      ["mode", "http"],
      ["maxconn", STATISTICS_SESSIONS],
      ["timeout", "client", "10s"],
      ["http-request", "use-service", "prometheus-exporter", "if", "{", "path", "/metrics", "}"],
      ["stats", "enable"],
      ["stats", "uri", "/"],
      ["stats", "refresh", "5s"],
    ],
  };
}

/** A delayed member shows the past: it takes no reads whatever its other settings say. */
function takesReads({ spec: { member } }: PlannedMachine): boolean {
  return member !== false && member.takesReads && member.delay === undefined;
}

function mayLead({ spec: { member } }: PlannedMachine): boolean {
  return member !== false && member.mayLead && member.delay === undefined;
}
