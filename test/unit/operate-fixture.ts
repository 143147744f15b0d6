/** A healthy cluster as its machines report it, and the changes that tests make to it. */
import type { ClusterAccess } from "../../components/operate/access";
import { type Answer, interpret, type MachineReport, type PostgresqlReport } from "../../components/operate/interpret";
import type { Observation } from "../../components/operate/observation";

const MB = 1024 * 1024;
export const HEAD = 5000 * MB;

export function access(
  keys: readonly string[] = ["db-1", "db-2", "db-3"],
  zones: Record<string, string> = {},
): ClusterAccess {
  return {
    cluster: "shop",
    machines: keys.map((key, index) => ({
      key,
      hostname: `shop-${key}`,
      address: `198.18.0.${10 + index}`,
      zone: zones[key] ?? "a",
      roles: ["postgresql", "etcd", "pooler"],
      hostKey: "ssh-ed25519 AAAA",
    })),
    ssh: { user: "root", port: 22, login: { kind: "agent" } },
    secrets: { superuserPassword: "s", patroniApiPassword: "p", caCertificate: "c" },
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type Report = Mutable<Omit<MachineReport, "postgresql">> & { postgresql?: Mutable<PostgresqlReport> };

export interface Scene {
  readonly access: ClusterAccess;
  readonly leader: string;
  readonly reports: Map<string, Report>;
  readonly unreachable: Map<string, string>;
}

/** Every machine reports, the first leads, the others stream from it and acknowledge by quorum. */
export function scene(
  keys: readonly string[] = ["db-1", "db-2", "db-3"],
  options: { zones?: Record<string, string>; leader?: string; mode?: boolean | "quorum" } = {},
): Scene {
  const doc = access(keys, options.zones);
  const leader = options.leader ?? (keys[0] as string);
  const mode = options.mode ?? "quorum";
  const sync = mode === "quorum" ? "quorum" : mode ? "sync" : "async";
  const cluster = {
    scope: doc.cluster,
    members: keys.map((name) => ({
      name,
      role: name === leader ? "leader" : mode === false ? "replica" : `${sync}_standby`,
      state: name === leader ? "running" : "streaming",
      timeline: 4,
      tags: {},
    })),
  };
  const leaderAddress = doc.machines.find((m) => m.key === leader)?.address as string;
  const reports = new Map<string, Report>(
    doc.machines.map(({ key }) => [
      key,
      {
        units: [{ unit: "etcd", active: "active", detail: "running", enabled: "enabled", restarts: 0 }],
        packages: { postgresql: "17.11-1", patroni: "4.0.7-1" },
        hardware: { vcpu: 2, memoryBytes: 2000 * MB, uptimeSeconds: 1000 },
        notes: {},
        initialised: true,
        disks: [{ use: "data", path: "/data", deviceBytes: 10_000 * MB, sizeBytes: 9900 * MB, freeBytes: 5000 * MB }],
        patroni: {
          state: "running",
          role: key === leader ? "primary" : "replica",
          patroni: { version: "4.0.7", scope: doc.cluster },
        },
        cluster,
        configuration: {
          ttl: 30,
          loop_wait: 5,
          synchronous_mode: mode,
          postgresql: { parameters: { work_mem: "4MB" } },
        },
        etcdHealth: { healthy: true, leader: key === keys[0], learner: false, databaseBytes: 20480, connectedTo: [] },
        etcdMembers: doc.machines.map((m, i) => ({
          id: `a${i}`,
          name: m.key,
          peerUrls: [`https://${m.address}:2380`],
          learner: false,
        })),
        pooler: {
          processes: [{ process: "rw-1", state: "active", clients: 3, waiting: 0, longestWaitMs: 0, servers: 2 }],
          resumesAt: null,
        },
        routes: { ok: true, leader: [leader], replicas: keys.filter((k) => k !== leader), readsOnLeader: false },
        postgresql: {
          inRecovery: key !== leader,
          version: "17.11 (Debian 17.11-1)",
          startedAt: "2026-01-01T00:00:00Z",
          writeLsn: key === leader ? HEAD : null,
          receivedLsn: key === leader ? null : HEAD,
          replayedLsn: key === leader ? null : HEAD,
          lastReplaySeconds: key === leader ? null : 0.5,
          receiver: key === leader ? null : { status: "streaming", timeline: 4, slot: key, from: leaderAddress },
          synchronousStandbyNames: "",
          replication:
            key === leader
              ? keys
                  .filter((k) => k !== leader)
                  .map((member) => ({ member, state: "streaming", sync, replayLagSeconds: null }))
              : [],
          slots:
            key === leader
              ? keys
                  .filter((k) => k !== leader)
                  .map((k) => ({
                    name: k.replaceAll("-", "_"),
                    type: "physical" as const,
                    active: true,
                    walStatus: "reserved",
                    retainedBytes: 0,
                  }))
              : [],
          settings: [],
          longTransactions: [],
          connections: 4,
        },
        problems: {},
      },
    ]),
  );
  return { access: doc, leader, reports, unreachable: new Map() };
}

/** What an observation of the scene says. */
export function seen(from: Scene): Observation {
  const answers = new Map<string, Answer>();
  for (const { key } of from.access.machines) {
    const why = from.unreachable.get(key);
    answers.set(key, why === undefined ? { report: from.reports.get(key) as MachineReport } : { unreachable: why });
  }
  const when = { at: "2026-01-01T00:00:00.000Z", tookMs: 300 };
  return interpret(from.access, answers, when, { owner: null, step: null });
}

/** Puts a replica `receive` and `replay` bytes behind. */
export function lag(from: Scene, key: string, replay: number, receive = 0): Scene {
  const pg = from.reports.get(key)?.postgresql;
  if (!pg) throw new Error(`no PostgreSQL on ${key}`);
  pg.receivedLsn = HEAD - receive;
  pg.replayedLsn = HEAD - replay;
  return from;
}

/** Gives a member a tag, as every member's Patroni lists it. */
export function tag(from: Scene, key: string, tags: Record<string, unknown>): Scene {
  for (const report of from.reports.values()) {
    if (!report.cluster) continue;
    report.cluster = {
      ...report.cluster,
      members: report.cluster.members.map((m) => (m.name === key ? { ...m, tags } : m)),
    };
  }
  return from;
}
