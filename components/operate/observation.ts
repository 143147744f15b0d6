/**
 * The cluster as one observation saw it: plain and JSON-serialisable. Keys are machine keys. `null` means that it could
 * not be learned; the reason is among `problems`. Sizes in bytes, lags counted from the leader's write position.
 */
import type { MachineRole } from "./access";
import type { ConductorState } from "./conductor";
import type { JsonObject, PatroniCluster } from "./patroni";

export interface Observation {
  readonly cluster: string;
  /** When it began, ISO 8601. */
  readonly at: string;
  readonly tookMs: number;
  /** Key of the member that holds Patroni's leader key; null: nobody does, or no member could tell. */
  readonly leader: string | null;
  /** Every machine of the access document, in its order. */
  readonly machines: readonly MachineObservation[];
  /** Members that Patroni lists and the access document does not know. */
  readonly strangers: readonly string[];
  /** Patroni's own view of the topology, as the first member that answered reads it from etcd. */
  readonly patroni: PatroniCluster | null;
  /** Patroni's dynamic configuration. */
  readonly configuration: JsonObject | null;
  readonly etcd: EtcdObservation | null;
  /** Who conducts, and the mark of an unfinished step; null: could not be read. */
  readonly conductor: ConductorState | null;
  readonly problems: readonly Problem[];
}

/** Something that was asked and not answered, or that contradicts itself. */
export interface Problem {
  /** Machine key, or "cluster". */
  readonly where: string;
  readonly what: string;
  readonly why: string;
}

export interface MachineObservation {
  readonly key: string;
  readonly hostname: string;
  readonly address: string;
  readonly zone: string;
  readonly roles: readonly MachineRole[];
  /** False: it did not answer over SSH; everything else is null then, but what others say about its member. */
  readonly reachable: boolean;
  readonly hardware: { readonly vcpu: number; readonly memoryBytes: number; readonly uptimeSeconds: number } | null;
  /** What the platform noted when it made the machine. */
  readonly notes: { readonly image?: string; readonly zone?: string };
  readonly units: readonly UnitState[] | null;
  /** What became of the files that the machine was given, by service; a service is missing that was never given any. */
  readonly files: Readonly<Record<string, ServiceFiles>> | null;
  /** Installed package versions, by software. */
  readonly packages: Readonly<Partial<Record<Software, string>>> | null;
  /** Software whose program at work is not the installed one any more, or whose installation was cut off. */
  readonly stale: readonly Software[] | null;
  readonly disks: readonly DiskUse[] | null;
  /** PostgreSQL's data directory was filled, by initdb or by seeding. */
  readonly initialised: boolean | null;
  /** Null on a machine without PostgreSQL. */
  readonly member: MemberObservation | null;
  /** Null on a machine without poolers, and where nothing is known. */
  readonly pooler: PoolerObservation | null;
}

export type Software = "postgresql" | "patroni" | "etcd" | "haproxy" | "pgbouncer" | "pgbackrest";

export interface UnitState {
  /** Without ".service". */
  readonly unit: string;
  /** systemd's ActiveState: active, inactive, failed, activating, … */
  readonly active: string;
  readonly detail: string;
  /** systemd's UnitFileState: enabled, disabled, masked, static, … */
  readonly enabled: string;
  readonly restarts: number;
  /** systemd is about to start or stop it. */
  readonly queued?: boolean;
}

/** The files of one service on a machine, as they compare with what was kept there. */
export interface ServiceFiles {
  /** `passing`: files of a rollout hold for a while; `busy`: it is being converged at this moment, and was not looked at. */
  readonly state: "declared" | "passing" | "busy";
  readonly deviating: readonly DeviatingFile[];
}

export interface DeviatingFile {
  readonly path: string;
  /** `mode`: another owner or mode; `unapplied`: in place, but its service has not taken it over yet. */
  readonly how: "missing" | "content" | "mode" | "unapplied";
}

export interface DiskUse {
  readonly use: "data" | "wal";
  readonly path: string;
  /** Size of the block device; of the file system where there is none. */
  readonly deviceBytes: number;
  readonly sizeBytes: number;
  readonly freeBytes: number;
}

export interface MemberObservation {
  /** From Patroni where it answers, else from PostgreSQL. */
  readonly role: "leader" | "replica" | null;
  /** `streaming`: a replica connected to its upstream; `running`: the leader, or a replica that is not connected. */
  readonly state: "running" | "streaming" | "starting" | "stopped" | "seeding" | null;
  /** PostgreSQL itself answered. */
  readonly answers: boolean;
  /** Patroni on the machine answered. */
  readonly patroniAnswers: boolean;
  /** Server version, as "17.11". */
  readonly version: string | null;
  readonly startedAt: string | null;
  readonly inRecovery: boolean | null;
  readonly timeline: number | null;
  /** Position written (leader) or received (replica). */
  readonly lsn: number | null;
  /** WAL not received yet; 0 on the leader. */
  readonly receiveLagBytes: number | null;
  /** WAL not replayed yet; 0 on the leader. */
  readonly replayLagBytes: number | null;
  /** Age of the newest replayed transaction while something is left to replay; 0 when all is replayed. */
  readonly replayLagSeconds: number | null;
  /** Its part in acknowledging commits, by the leader's pg_stat_replication; null on the leader. */
  readonly sync: "async" | "sync" | "quorum" | null;
  /** Address of the server that it streams from. */
  readonly streamsFrom: string | null;
  /** Parameters that wait for a restart, by PostgreSQL's or Patroni's word. */
  readonly pendingRestart: readonly string[];
  readonly tags: Readonly<Record<string, unknown>>;
  /** A parameter is here when it needs a restart to change, or is not at its default. */
  readonly settings: readonly Setting[];
  /** What ALTER SYSTEM has left in postgresql.auto.conf, in force or not, as it is written there. */
  readonly altered: Readonly<Record<string, string>>;
  readonly slots: readonly SlotObservation[];
  readonly longTransactions: readonly LongTransaction[];
  readonly connections: number | null;
  readonly synchronousStandbyNames: string | null;
  /** WAL senders to other members (and to anything else that streams). */
  readonly replication: readonly WalSender[];
}

export interface Setting {
  readonly name: string;
  /** In the parameter's own unit. */
  readonly setting: string;
  readonly unit: string | null;
  readonly type: "bool" | "integer" | "real" | "string" | "enum";
  readonly context: string;
  readonly source: string;
  /** Set by ALTER SYSTEM. */
  readonly altered: boolean;
  readonly pendingRestart: boolean;
}

export interface SlotObservation {
  readonly name: string;
  readonly type: "physical" | "logical";
  readonly active: boolean;
  readonly walStatus: string | null;
  readonly retainedBytes: number | null;
}

export interface LongTransaction {
  readonly pid: number;
  readonly user: string;
  readonly application: string;
  readonly database: string;
  readonly state: string;
  readonly ageSeconds: number;
  /** First 80 characters. */
  readonly query: string;
}

export interface WalSender {
  readonly member: string;
  readonly state: string;
  readonly sync: string;
  readonly replayLagSeconds: number | null;
}

export interface EtcdObservation {
  readonly members: readonly EtcdMember[];
  /** Key of etcd's leader; null: none was seen. */
  readonly leader: string | null;
  readonly voters: number;
  readonly healthyVoters: number;
  /** A majority of the voters is healthy. */
  readonly hasMajority: boolean;
}

export interface EtcdMember {
  /** etcd's member ID, hexadecimal. */
  readonly id: string;
  /** Machine key; for a member that never started, the key of the machine with its peer address, else that address. */
  readonly key: string;
  readonly learner: boolean;
  /** It reads through the majority; on a machine that is not known: its fellows are in contact with it. False too when it could not be asked. */
  readonly healthy: boolean;
  /** There is data of etcd's on its machine; null: it could not be looked. */
  readonly hasData: boolean | null;
  readonly databaseBytes: number | null;
}

export interface PoolerObservation {
  readonly processes: readonly PoolerProcess[];
  /** When a pause ends by itself, ISO 8601. */
  readonly resumesAt: string | null;
  /** HAProxy's routes; null: HAProxy does not answer. */
  readonly routes: Routes | null;
}

export interface PoolerProcess {
  /** `rw-1`, `ro-1`, … */
  readonly process: string;
  readonly state: "active" | "paused" | "suspended" | "unreachable";
  readonly clients: number;
  readonly waiting: number;
  readonly longestWaitMs: number;
  /** Server connections. */
  readonly servers: number;
}

export interface Routes {
  /** Members that the leader route leads to; exactly one in a healthy cluster. */
  readonly leader: readonly string[];
  /** Members that take new reads. */
  readonly replicas: readonly string[];
  /** No replica is fit: reads go to the leader. */
  readonly readsOnLeader: boolean;
}

/** The machine with this key. @throws Error when it is not part of the observation. */
export function machineIn(observation: Observation, key: string): MachineObservation {
  const machine = observation.machines.find((m) => m.key === key);
  if (!machine) throw new Error(`machine "${key}" is not part of this observation`);
  return machine;
}

/** Machines with a member, with the member at hand. */
export function membersIn(
  observation: Observation,
): readonly (MachineObservation & { readonly member: MemberObservation })[] {
  return observation.machines.flatMap((m) => (m.member ? [{ ...m, member: m.member }] : []));
}
