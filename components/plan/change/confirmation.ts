/** What a declaration must say twice before it is done. */
import type { ClusterSpec } from "../../spec";

/**
 * - `weaker-durability`: commits may be lost that could not be lost before.
 * - `replace-machines`: a machine's data is thrown away and seeded anew from the other members.
 */
export type Confirmation = "weaker-durability" | "replace-machines";

/** Whether the spec's field `confirm` (one of the words, or a list of them) names it. */
export function confirmed(spec: ClusterSpec, what: Confirmation): boolean {
  const { confirm } = spec as { readonly confirm?: Confirmation | readonly Confirmation[] };
  return confirm === what || (Array.isArray(confirm) && confirm.includes(what));
}
