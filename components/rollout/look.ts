/** One look at the living cluster, in the words of the plan. */
import type { Observation } from "../operate/observation";
import { observeWith } from "../operate/observe";
import type { SshPool } from "../operate/ssh";
import { clusterState } from "../operate/state";
import type { ClusterState } from "../plan/change";
import { type ClusterSpec, megabytes } from "../spec";
import { withoutOwnParameters } from "./document";

export interface Look {
  readonly seen: Observation;
  readonly state: ClusterState;
}

/** @param after What is declared: its figures tell a granted size from what a kernel shows of it. */
export async function look(pool: SshPool, after: ClusterSpec): Promise<Look> {
  const seen = await observeWith(pool);
  const declaredMemory = Object.fromEntries(
    Object.entries(after.machines).map(([key, machine]) => [key, megabytes(machine.size.memory) * 1024 ** 2]),
  );
  const state = clusterState(seen, { declaredMemory });
  return { seen, state: state.kind === "living" ? withoutOwnParameters(after, state) : state };
}
