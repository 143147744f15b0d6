import type { ClusterSpec, MachineSpec } from "../spec";

/** What runs on a machine. */
export type Role = "postgresql" | "etcd" | "pooler";

/** One machine of the plan: its spec, and every name and address that other parts need. All plain values. */
export interface PlannedMachine {
  /** The user's key: the machine's identity. Never derived from a position. */
  readonly key: string;
  /** Host name: `<cluster>-<key>`. */
  readonly hostname: string;
  /** IPv4 address on the cluster's network. */
  readonly address: string;
  readonly roles: readonly Role[];
  readonly spec: MachineSpec;
}

/** The whole cluster as it will stand: machines sorted by key, plus views that services need. */
export interface ClusterPlan {
  readonly spec: ClusterSpec;
  readonly machines: readonly PlannedMachine[];
  /** Machines that run PostgreSQL. */
  readonly members: readonly PlannedMachine[];
  /** Machines that run an etcd voter. */
  readonly voters: readonly PlannedMachine[];
  /** Machines that run PgBouncer and HAProxy. */
  readonly poolers: readonly PlannedMachine[];
}
