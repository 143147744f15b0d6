/** What a declaration must say twice before it is done. */
import type { ClusterSpec, Confirmation } from "../../spec";

/** Whether the declaration's field `confirm` says that it is meant. */
export function confirmed(spec: ClusterSpec, what: Confirmation): boolean {
  return spec.confirm.includes(what);
}
