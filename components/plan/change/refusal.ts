/** Why a plan is not carried out. */

export type RefusalCode =
  | "field-refused"
  | "last-member"
  | "protected-data"
  | "replacement-unconfirmed"
  | "smaller-disk"
  | "weaker-durability"
  | "even-voters"
  | "too-many-voters"
  | "etcd-majority"
  | "durability-standbys"
  | "last-electable"
  | "memory"
  | "machine-smaller-than-declared"
  | "disk-too-full"
  | "no-leader"
  | "member-down"
  | "stranger"
  | "only-copy"
  | "replica-behind"
  | "no-candidate"
  | "unfinished-step"
  | "version-not-available";

export interface Refusal {
  readonly code: RefusalCode;
  /** Path in the spec, or what of the cluster it is about: "machines.db-2", "etcd", "db-3". */
  readonly subject: string;
  /** What stands against it, with the figures seen. */
  readonly reason: string;
  /** What to do about it. */
  readonly advice: string;
}
