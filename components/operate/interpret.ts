/** From what the machines report to one observation: pure. */
import { type AccessMachine, type ClusterAccess, machinesWith } from "./access";
import type { ConductorState } from "./conductor";
import type {
  DiskUse,
  EtcdMember,
  EtcdObservation,
  LongTransaction,
  MachineObservation,
  MemberObservation,
  Observation,
  PoolerObservation,
  PoolerProcess,
  Problem,
  Routes,
  ServiceFiles,
  Setting,
  SlotObservation,
  Software,
  UnitState,
  WalSender,
} from "./observation";
import type { JsonObject, PatroniCluster, PatroniMember, PatroniStatus } from "./patroni";

/** What machine/gather.py prints. Any part may be missing; `problems` says why. */
export interface MachineReport {
  readonly units?: readonly UnitState[];
  readonly files?: Readonly<Record<string, ServiceFiles>>;
  readonly packages?: Readonly<Partial<Record<Software, string>>>;
  readonly stale?: readonly Software[];
  readonly hardware?: MachineObservation["hardware"];
  readonly notes?: MachineObservation["notes"];
  readonly disks?: readonly DiskUse[];
  readonly initialised?: boolean;
  readonly postgresql?: PostgresqlReport;
  readonly patroni?: PatroniStatus;
  readonly cluster?: PatroniCluster;
  readonly configuration?: JsonObject;
  readonly etcdHealth?: {
    healthy: boolean;
    leader: boolean;
    learner: boolean;
    databaseBytes: number;
    /** IDs of the members with which it is in contact. */
    connectedTo: readonly string[];
  };
  readonly etcdInitialised?: boolean;
  readonly etcdMembers?: readonly { id: string; name: string; peerUrls: readonly string[]; learner: boolean }[];
  readonly pooler?: { readonly processes: readonly PoolerProcess[]; readonly resumesAt: number | null };
  readonly routes?: Routes & { readonly ok: boolean };
  readonly problems: Readonly<Record<string, string>>;
}

export interface PostgresqlReport {
  readonly inRecovery: boolean;
  readonly version: string;
  readonly startedAt: string;
  readonly writeLsn: number | null;
  readonly receivedLsn: number | null;
  readonly replayedLsn: number | null;
  readonly lastReplaySeconds: number | null;
  readonly receiver: { status: string; timeline: number; slot: string; from: string } | null;
  readonly synchronousStandbyNames: string;
  readonly replication: readonly WalSender[];
  readonly slots: readonly SlotObservation[];
  readonly settings: readonly Setting[];
  readonly altered?: Readonly<Record<string, string>>;
  readonly longTransactions: readonly LongTransaction[];
  readonly connections: number;
}

/** A machine's report, or why there is none. */
export type Answer = { readonly report: MachineReport } | { readonly unreachable: string };

const PART_NAMES: Readonly<Record<string, string>> = {
  files: "files of its services",
  postgresql: "PostgreSQL",
  patroni: "state of Patroni",
  cluster: "topology by Patroni",
  configuration: "dynamic configuration",
  etcdHealth: "health of etcd",
  etcdMembers: "members of etcd",
  pooler: "PgBouncer",
  routes: "routes of HAProxy",
};

/** Puts the answers of all machines together. */
export function interpret(
  access: ClusterAccess,
  answers: ReadonlyMap<string, Answer>,
  when: { readonly at: string; readonly tookMs: number },
  conductor: ConductorState | { readonly unknown: string },
): Observation {
  const reports = new Map<string, MachineReport>();
  const problems: Problem[] = [];
  for (const machine of access.machines) {
    const answer = answers.get(machine.key) ?? { unreachable: "it was not asked" };
    if ("report" in answer) {
      reports.set(machine.key, answer.report);
      for (const [part, why] of Object.entries(answer.report.problems)) {
        problems.push({ where: machine.key, what: PART_NAMES[part] ?? part, why });
      }
    } else {
      problems.push({ where: machine.key, what: "the machine", why: answer.unreachable });
    }
  }
  if ("unknown" in conductor) problems.push({ where: "cluster", what: "conductor's lock", why: conductor.unknown });
  const all = [...reports.values()];
  const patroni = pick(all, (r) => r.cluster);
  const leader = patroni?.members.find((m) => m.role === "leader" || m.role === "standby_leader")?.name ?? null;
  const known = new Set(access.machines.map((m) => m.key));
  const leaderReport = leader === null ? undefined : reports.get(leader)?.postgresql;
  if (leaderReport?.inRecovery) {
    problems.push({
      where: leader ?? "cluster",
      what: "leader",
      why: "Patroni lists it as leader, and its PostgreSQL is in recovery (a change of leader is under way)",
    });
  }
  return {
    cluster: access.cluster,
    ...when,
    leader,
    machines: access.machines.map((machine) => {
      const listed = patroni?.members.find((m) => m.name === machine.key);
      return machineSeen(machine, reports.get(machine.key), listed, leaderReport, leader);
    }),
    strangers: (patroni?.members ?? []).map((m) => m.name).filter((name) => !known.has(name)),
    patroni: patroni ?? null,
    // The leader's first: another member may not have seen the newest yet.
    configuration: reports.get(leader ?? "")?.configuration ?? pick(all, (r) => r.configuration) ?? null,
    etcd: etcdSeen(access, reports),
    conductor: "unknown" in conductor ? null : conductor,
    problems,
  };
}

function pick<T>(reports: readonly MachineReport[], part: (report: MachineReport) => T | undefined): T | undefined {
  for (const report of reports) {
    const value = part(report);
    if (value !== undefined) return value;
  }
  return undefined;
}

function machineSeen(
  machine: AccessMachine,
  report: MachineReport | undefined,
  listed: PatroniMember | undefined,
  leaderReport: PostgresqlReport | undefined,
  leader: string | null,
): MachineObservation {
  const { key, hostname, address, zone, roles } = machine;
  return {
    key,
    hostname,
    address,
    zone,
    roles,
    reachable: report !== undefined,
    hardware: report?.hardware ?? null,
    notes: report?.notes ?? {},
    units: report?.units ?? null,
    files: report?.files ?? null,
    packages: report?.packages ?? null,
    stale: report?.stale ?? null,
    disks: report?.disks ?? null,
    initialised: report?.initialised ?? null,
    member: roles.includes("postgresql") ? memberSeen(key, report, listed, leaderReport, leader) : null,
    pooler: report?.pooler || report?.routes ? poolerSeen(report) : null,
  };
}

function memberSeen(
  key: string,
  report: MachineReport | undefined,
  listed: PatroniMember | undefined,
  leaderReport: PostgresqlReport | undefined,
  leader: string | null,
): MemberObservation {
  const pg = report?.postgresql;
  const isLeader = leader === key;
  const sender = leaderReport?.replication.find((s) => s.member === key);
  const received = pg ? Math.max(pg.receivedLsn ?? 0, pg.replayedLsn ?? 0) : null;
  const head = leaderReport?.writeLsn ?? null;
  const behind = (position: number | null | undefined) =>
    isLeader ? 0 : head === null || position === null || position === undefined ? null : Math.max(0, head - position);
  const replayLagBytes = behind(pg?.replayedLsn);
  const settings = pg?.settings ?? [];
  const byPatroni = Object.keys(report?.patroni?.pending_restart_reason ?? {});
  const byServer = settings.filter((s) => s.pendingRestart).map((s) => s.name);
  const role = listed ? (isLeader ? "leader" : "replica") : pg ? (pg.inRecovery ? "replica" : "leader") : null;
  return {
    role,
    state: stateOf(pg, listed?.state ?? report?.patroni?.state, isLeader),
    answers: pg !== undefined,
    patroniAnswers: report?.patroni !== undefined,
    version: pg?.version.split(" ")[0] ?? null,
    startedAt: pg?.startedAt ?? null,
    inRecovery: pg?.inRecovery ?? null,
    timeline: pg?.receiver?.timeline ?? listed?.timeline ?? report?.patroni?.timeline ?? null,
    lsn: pg ? (pg.inRecovery ? received : pg.writeLsn) : null,
    receiveLagBytes: behind(received),
    replayLagBytes,
    replayLagSeconds: replayLagBytes === null ? null : replayLagBytes === 0 ? 0 : (pg?.lastReplaySeconds ?? null),
    sync: isLeader ? null : syncOf(sender?.sync, listed?.role),
    streamsFrom: pg?.receiver?.from ?? null,
    pendingRestart: [...new Set([...byServer, ...byPatroni])].sort(),
    tags: listed?.tags ?? report?.patroni?.tags ?? {},
    settings,
    altered: pg?.altered ?? {},
    slots: pg?.slots ?? [],
    longTransactions: pg?.longTransactions ?? [],
    connections: pg?.connections ?? null,
    synchronousStandbyNames: pg?.synchronousStandbyNames ?? null,
    replication: pg?.replication ?? [],
  };
}

function stateOf(
  pg: PostgresqlReport | undefined,
  patroniState: string | undefined,
  isLeader: boolean,
): MemberObservation["state"] {
  if (patroniState === "creating replica") return "seeding";
  if (pg) return !isLeader && pg.receiver?.status === "streaming" ? "streaming" : "running";
  switch (patroniState) {
    case undefined:
      return null;
    case "running":
    case "streaming":
      return patroniState;
    case "in archive recovery":
      return "running";
    case "starting":
    case "restarting":
    case "initializing new cluster":
    case "running custom bootstrap script":
      return "starting";
    default: // stopped, stopping, stop failed, crashed, start failed, restart failed, …
      return "stopped";
  }
}

/**
 * A standby counts as acknowledging when PostgreSQL waits for it and Patroni has noted it so in etcd: Patroni changes one
 * after the other, and hands over only to those that it has noted. Where the leader cannot be asked, Patroni's word is
 * taken; null: nobody can tell.
 */
function syncOf(byServer: string | undefined, role: string | undefined): MemberObservation["sync"] {
  const noted = role === "sync_standby" ? "sync" : role === "quorum_standby" ? "quorum" : "async";
  if (byServer === undefined) return role === undefined ? null : noted;
  return byServer === "sync" || byServer === "quorum" ? noted : "async";
}

function poolerSeen(report: MachineReport): PoolerObservation {
  const resumesAt = report.pooler?.resumesAt ?? null;
  const routes = report.routes?.ok ? report.routes : null;
  return {
    processes: report.pooler?.processes ?? [],
    resumesAt: resumesAt === null ? null : new Date(resumesAt * 1000).toISOString(),
    routes: routes && { leader: routes.leader, replicas: routes.replicas, readsOnLeader: routes.readsOnLeader },
  };
}

function etcdSeen(access: ClusterAccess, reports: ReadonlyMap<string, MachineReport>): EtcdObservation | null {
  // The list of a voter that sees the majority is the true one; any other may be old.
  const tellers = [...reports.values()].filter((r) => r.etcdMembers !== undefined);
  const teller = tellers.find((r) => r.etcdHealth?.healthy) ?? tellers[0];
  if (!teller?.etcdMembers) return null;
  const known = new Set(machinesWith(access, "etcd").map(({ key }) => key));
  const members = teller.etcdMembers.map((member): EtcdMember => {
    const key = member.name || ownerOf(access, member.peerUrls) || hostOf(member.peerUrls);
    const health = reports.get(key)?.etcdHealth;
    // One that nobody here knows how to ask, a newcomer's or a stranger's: its fellows tell whether it is there.
    const isThere = !known.has(key) && teller.etcdHealth?.connectedTo.includes(member.id) === true;
    return {
      id: member.id,
      key,
      learner: member.learner,
      healthy: health?.healthy ?? isThere,
      hasData: reports.get(key)?.etcdInitialised ?? null,
      databaseBytes: health?.databaseBytes ?? null,
    };
  });
  const voters = members.filter((m) => !m.learner);
  const healthyVoters = voters.filter((m) => m.healthy).length;
  return {
    members: members.sort((a, b) => (a.key < b.key ? -1 : 1)),
    leader: [...reports].find(([, r]) => r.etcdHealth?.leader)?.[0] ?? null,
    voters: voters.length,
    healthyVoters,
    hasMajority: healthyVoters > voters.length / 2,
  };
}

/** What a member without a name can be called by whose machine is not known. */
function hostOf([url]: readonly string[]): string {
  return url === undefined ? "" : new URL(url).hostname;
}

function ownerOf(access: ClusterAccess, peerUrls: readonly string[]): string {
  return access.machines.find((m) => peerUrls.some((url) => url.includes(`//${m.address}:`)))?.key ?? "";
}
