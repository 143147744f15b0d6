/** A declaration as the rules between its fields see it: it may be incomplete, where its structure has mistakes. */
import { acknowledges, resolveMember } from "../resolve";
import type { Readable } from "../salvage";
import type { Declared, DeclaredMachine } from "../schema";
import type { MemberSpec } from "../types";

export interface Draft {
  readonly declared: Readable<Declared>;
  /** Paths of what could not be read; rules say nothing that follows from them alone. */
  readonly unreadable: ReadonlySet<string>;
}

export type DraftMachine = Readable<DeclaredMachine>;

/** Whether a place and everything in it could be read. */
export function isWhole({ unreadable }: Draft, path: string): boolean {
  return ![...unreadable].some((bad) => bad === path || bad.startsWith(`${path}.`) || bad.startsWith(`${path}[`));
}

/** The machines, sorted by key. Every key that was written is there. */
export function machinesOf({ declared }: Draft): readonly (readonly [key: string, machine: DraftMachine])[] {
  return Object.keys(declared.machines ?? {})
    .sort()
    .map((key) => [key, declared.machines?.[key] ?? {}]);
}

/** Keys of all machines, sorted. */
export function keysOf(draft: Draft): readonly string[] {
  return machinesOf(draft).map(([key]) => key);
}

/** The members by key. Where it could not be read what a machine is, it is left out. */
export function membersOf(draft: Draft): ReadonlyMap<string, MemberSpec> {
  const members = machinesOf(draft).flatMap(([key, { member }]) =>
    member === undefined || member === false ? [] : [[key, resolveMember(member)] as const],
  );
  return new Map(members);
}

/** Keys of the members that acknowledge commits as replicas. */
export function acknowledgingOf(draft: Draft): readonly string[] {
  return [...membersOf(draft)].filter(([, member]) => acknowledges(member)).map(([key]) => key);
}

/** Whether it is known of all machines what they are. */
export function membersAreKnown(draft: Draft): boolean {
  return isWholeMachines(draft) && machinesOf(draft).every(([key]) => isWhole(draft, `machines.${key}.member`));
}

function isWholeMachines({ declared, unreadable }: Draft): boolean {
  return (
    declared.machines !== undefined &&
    keysOf({ declared, unreadable }).every((key) => !unreadable.has(`machines.${key}`))
  );
}

/** The keys that a field names, "members" resolved; undefined where they could not be read. */
export function named(draft: Draft, path: "etcd.voters" | "poolers.machines"): readonly string[] | undefined {
  if (!isWhole(draft, path)) return undefined;
  const given = path === "etcd.voters" ? draft.declared.etcd?.voters : draft.declared.poolers?.machines;
  if (given !== "members") return given;
  return membersAreKnown(draft) ? [...membersOf(draft).keys()] : undefined;
}
