/** The types of a declaration: what a user writes, and what the rest of the program gets. */
import type { z } from "zod";
import type { clusterSchema, Declared, DeclaredMachine } from "./schema";

type DeclaredInput = z.input<typeof clusterSchema>;

/** What a stack file declares. */
export type ClusterInput = DeclaredInput;
/** One machine as a stack file declares it. */
export type MachineInput = DeclaredInput["machines"][string];

/** A disk. */
export type DiskSpec = Readonly<DeclaredMachine["disks"]["data"]>;

/** A PostgreSQL member, every default filled in. */
export interface MemberSpec {
  /** May become leader. */
  readonly mayLead: boolean;
  /** Serves the read-only endpoint while it is a replica. */
  readonly takesReads: boolean;
  /** Key of the member that it streams from; absent: the leader. */
  readonly replicatesFrom?: string | undefined;
  /** Replays that much later; absent: at once. */
  readonly delay?: string | undefined;
}

/** A machine, every default filled in. */
export interface MachineSpec {
  readonly size: Readonly<DeclaredMachine["size"]>;
  readonly disks: { readonly data: DiskSpec; readonly wal?: DiskSpec | undefined };
  readonly zone: string;
  /** IPv4 address on the cluster's network: declared, or in the lab derived from the key. */
  readonly address: string;
  /** Its PostgreSQL member, or false for a machine without PostgreSQL. */
  readonly member: MemberSpec | false;
}

export type HbaRule = Readonly<Declared["hba"][number]>;
export type PlatformSpec = Readonly<Declared["platform"]>;
export type SoftwareSpec = Readonly<Declared["software"]>;
export type Confirmation = Exclude<Declared["confirm"], readonly unknown[]>;
export type DurabilityMode = NonNullable<Declared["durability"]["mode"]>;
export type RecoveryPreset = Declared["recovery"];
export type Profile = Declared["postgresql"]["profile"];
export type PostgresqlVersion = Declared["postgresql"]["version"];

/** The parsed cluster: every default filled in, deep-frozen, in an order of its own. "members" is resolved to machine keys, sorted. */
export interface ClusterSpec {
  readonly name: string;
  readonly platform: PlatformSpec;
  readonly postgresql: {
    readonly version: PostgresqlVersion;
    readonly profile: Profile;
    /** Overrides of the tuned parameters, in one canonical notation ("1GB" for "1024MB"), sorted by name. */
    readonly parameters: Readonly<Record<string, string>>;
  };
  readonly durability: { readonly mode: DurabilityMode; readonly strict: boolean; readonly standbys: number };
  readonly recovery: RecoveryPreset;
  /** Sorted by key. */
  readonly machines: Readonly<Record<string, MachineSpec>>;
  readonly etcd: { readonly voters: readonly string[] };
  readonly poolers: {
    readonly machines: readonly string[];
    readonly maxClientConnections: number;
    /** Absent: as many as max_connections and the number of poolers leave. */
    readonly poolSize?: number | undefined;
  };
  readonly hba: readonly HbaRule[];
  readonly protection: boolean;
  /** Sorted. */
  readonly confirm: readonly Confirmation[];
  readonly software: SoftwareSpec;
}
