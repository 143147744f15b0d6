/**
 * What the decisions need to know of the living cluster: plain data, as one observation saw it.
 * Lags are counted from the leader's current write position. Keys are machine keys of the spec.
 */
import type { Software } from "../../spec/software";

/** The cluster as it was seen. */
export type ClusterState = AbsentCluster | UnreachableCluster | LivingCluster;

/** Nothing has been initialised yet: no machine holds a member's data, and the DCS knows no such cluster. */
export interface AbsentCluster {
  readonly kind: "absent";
}

/** The cluster should exist, and nothing of it could be seen (no machine answered, or none told of the DCS). */
export interface UnreachableCluster {
  readonly kind: "unreachable";
  /** One line for each attempt: which machine, what failed. */
  readonly reasons: readonly string[];
}

export interface LivingCluster {
  readonly kind: "living";
  /** Key of the member that holds Patroni's leader key; undefined: nobody does at the moment. */
  readonly leader: string | undefined;
  /** Every member that Patroni lists, and every one whose machine answers for a PostgreSQL of this cluster. */
  readonly members: Readonly<Record<string, MemberState>>;
  /** Every machine that was looked for, with or without PostgreSQL on it. A machine that does not exist is absent. */
  readonly machines: Readonly<Record<string, MachineState>>;
  /** Patroni's dynamic configuration as it stands in the DCS. */
  readonly configuration: PatroniConfiguration;
  /** Members (by key) that have a physical replication slot on the leader. */
  readonly slots: readonly string[];
  /** Transactions that have been open for longer than the observation's limit, on the leader. */
  readonly longTransactions: readonly LongTransaction[];
  readonly etcd: EtcdState;
  /** The mark of a run that did not finish its step. */
  readonly unfinished?: UnfinishedStep | undefined;
  /** Facts that were asked for and not answered; a plan that disturbs anything is not carried out while there are any. */
  readonly unknown: readonly UnknownPart[];
}

export type MemberState = UnreachableMember | ReachableMember;

/** Neither Patroni nor PostgreSQL on it could be asked. */
export interface UnreachableMember {
  readonly reachable: false;
  readonly why: string;
  /** Its machine is not known: nobody declared it, or an update that failed has not told of it. */
  readonly stranger?: boolean;
  /** Patroni does not list it any more: there is nothing of it to take out. */
  readonly unlisted?: boolean;
}

export interface ReachableMember {
  readonly reachable: true;
  readonly role: "leader" | "replica";
  /** `streaming`: a replica connected to its upstream; `running`: the leader, or a replica that is not connected. */
  readonly state: "running" | "streaming" | "starting" | "stopped" | "seeding";
  readonly timeline: number;
  /** WAL that it has not received yet, in bytes; 0 on the leader. */
  readonly receiveLagBytes: number;
  /** WAL that it has not replayed yet, in bytes; 0 on the leader. A delayed member lags by intention. */
  readonly replayLagBytes: number;
  /** Its part in acknowledging commits. */
  readonly sync: "async" | "sync" | "quorum";
  /** Parameters that PostgreSQL or Patroni says are waiting for a restart. */
  readonly pendingRestart: readonly string[];
  /**
   * Values in force by parameter name, as `SHOW` or `pg_settings.setting` gives them (a bare number counts in the
   * parameter's own unit). At least every parameter of context `postmaster`.
   */
  readonly parameters: Readonly<Record<string, string>>;
  /** What ALTER SYSTEM has set on it, by parameter, as it is written in postgresql.auto.conf; undefined: nothing. */
  readonly altered?: Readonly<Record<string, string>> | undefined;
  /** The read route of the poolers sends it new reads. Always false on the leader. */
  readonly inReadRoute: boolean;
  /** Patroni's tag as it is in force: it never becomes leader. */
  readonly nofailover: boolean;
  /** Patroni may count on it to acknowledge commits: it streams from the leader itself, and no tag keeps it out. */
  readonly mayAcknowledge: boolean;
}

export type { Software };

export interface MachineState {
  readonly reachable: boolean;
  /** vCPUs that the machine has; undefined: could not be read. */
  readonly vcpu: number | undefined;
  /**
   * Memory that the platform grants, in bytes: the declared figure where what the machine sees is within a twentieth
   * of it (a kernel keeps some for itself). undefined: could not be read.
   */
  readonly memoryBytes: number | undefined;
  readonly disks: { readonly data?: DiskState | undefined; readonly wal?: DiskState | undefined };
  /** Image that it was made from, and zone where it stands, as noted when it was made; undefined: not noted. */
  readonly image: string | undefined;
  readonly zone: string | undefined;
  /** Versions installed, as Debian writes them. */
  readonly versions: Readonly<Partial<Record<Software, string>>>;
  /** Software whose program at work is older than what is installed, or whose installation was cut off. Default: none. */
  readonly stale?: readonly Software[];
  /** What the machine's package sources have; only of software that was asked for. Default: not asked. */
  readonly sources?: Readonly<Partial<Record<Software, PackageSources>>>;
  readonly pooler: "none" | "running" | "paused" | "stopped";
  /** Services whose files are not as the machine was given them; undefined: none, or it could not be read. */
  readonly files?: readonly ChangedFiles[] | undefined;
  /** Units of its services that do not run, or would not after a boot; undefined: none, or it could not be read. */
  readonly units?: readonly StoppedUnit[] | undefined;
}

/** Files of a service that are not as the machine was given them last. */
export interface ChangedFiles {
  /** `base`, `etcd`, `patroni`, `haproxy` or `pgbouncer`. */
  readonly service: string;
  /** Other files were put there for the time of a rollout, and have not been taken back. */
  readonly passing: boolean;
  /** `mode`: another owner or mode; `unapplied`: in place, and the service has not taken it over. */
  readonly files: readonly { readonly path: string; readonly how: "missing" | "content" | "mode" | "unapplied" }[];
}

export interface StoppedUnit {
  /** systemd's name, without ".service". */
  readonly unit: string;
  /** The service that it belongs to. */
  readonly service: string;
  readonly active: "running" | "stopped" | "failed";
  /** Whether it starts when the machine boots. */
  readonly boot: "enabled" | "disabled" | "masked";
}

/** What a machine's package sources have of a piece of software; all of its packages have these versions. */
export interface PackageSources {
  /** The newest first. */
  readonly versions: readonly string[];
  /** What an installation without a version would take; undefined: there is none. */
  readonly candidate: string | undefined;
}

export interface DiskState {
  /** Size of the device (not of the file system on it), in bytes. */
  readonly sizeBytes: number;
  readonly freeBytes: number;
}

/** Patroni's dynamic configuration, as far as it is planned here. */
export interface PatroniConfiguration {
  /** `postgresql.parameters` of the document. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly durability: DurabilityState;
  /** ttl, loop_wait, retry_timeout and the like, by Patroni's names. */
  readonly timings: Readonly<Record<string, number>>;
}

/** `synchronous_mode`, `synchronous_mode_strict` and `synchronous_node_count` in the words of the spec. */
export interface DurabilityState {
  readonly mode: "async" | "sync" | "quorum";
  readonly strict: boolean;
  readonly standbys: number;
}

export interface LongTransaction {
  readonly member: string;
  readonly pid: number;
  readonly ageSeconds: number;
  readonly user: string;
  /** application_name, or empty. */
  readonly application: string;
}

export interface EtcdState {
  readonly members: readonly EtcdMemberState[];
}

export interface EtcdMemberState {
  /** Machine key: etcd's member name. */
  readonly key: string;
  readonly healthy: boolean;
  /** Still a learner: has no vote. */
  readonly learner: boolean;
  /** A voter on whose machine no data of etcd's is: the machine was made anew. It can only join as a new one. */
  readonly dataLost?: true;
}

export interface UnfinishedStep {
  /** The step as it was announced: "db-2 restarts". */
  readonly step: string;
  /** Host and process that did it. */
  readonly owner: string;
  /** `working`: its lease is fresh; `gone`: its lease has run out, or its process is known to be dead. */
  readonly run: "working" | "gone";
}

export interface UnknownPart {
  /** What was asked: "replay lag of db-3". */
  readonly what: string;
  /** Why there is no answer: "no answer over SSH within 5 s". */
  readonly why: string;
  /** Key of the machine that it is about; undefined: the cluster. */
  readonly machine?: string | undefined;
}
