/** What changes between two declarations, and what each change does to the clients. */

/**
 * What it takes to bring a change into force, from the least disturbing to the most.
 *
 * - `none`: nothing on the cluster moves.
 * - `reload`: configuration is read again; no connection is closed.
 * - `restart-replicas`: only members that never lead restart, one at a time; writes go on.
 * - `restart`: replicas restart one at a time, then one switchover; writes pause about as long as that takes.
 * - `restart-in-place`: the leader restarts where it is, then the replicas; writes pause as long as its restart takes.
 * - `machine-resized`: a power cycle of the machine; its leader moves away first.
 * - `machine-replaced`: the machine is made anew and its data seeded again.
 * - `refused`: this program does not do it; the reason says what to do instead.
 */
export type Impact =
  | "none"
  | "reload"
  | "pooler-reload"
  | "pooler-added"
  | "pooler-removed"
  | "disk-grown"
  | "voter-added"
  | "voter-removed"
  | "member-added"
  | "machine-added"
  | "machine-removed"
  | "member-removed"
  | "restart-replicas"
  | "software-upgraded"
  | "restart"
  | "restart-in-place"
  | "machine-resized"
  | "machine-replaced"
  | "refused";

/** Impacts by how much they disturb, the least first. A change that causes others counts as the strongest of them. */
export const IMPACTS: readonly Impact[] = [
  "none",
  "reload",
  "pooler-reload",
  "pooler-added",
  "disk-grown",
  "machine-added",
  "voter-added",
  "member-added",
  "voter-removed",
  "pooler-removed",
  "machine-removed",
  "member-removed",
  "restart-replicas",
  "software-upgraded",
  "restart",
  "restart-in-place",
  "machine-resized",
  "machine-replaced",
  "refused",
];

export function strongest(impacts: readonly Impact[]): Impact {
  return impacts.reduce((a, b) => (IMPACTS.indexOf(b) > IMPACTS.indexOf(a) ? b : a), "none");
}

export interface Change {
  /** Path in the spec: `postgresql.parameters.work_mem`, `machines.db-2.size.memory`. */
  readonly path: string;
  /** As the declaration writes it; undefined: not there. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly impact: Impact;
  /** One sentence, in a DBA's words. */
  readonly reason: string;
  /** It is not declared itself: it follows from the fields at these paths. */
  readonly derivedFrom?: readonly string[];
  /** Machines that it concerns; undefined: the whole cluster. */
  readonly machines?: readonly string[];
  /** It lets more commits be lost than before, or writes be acknowledged with fewer copies. */
  readonly weakensDurability?: true;
}
