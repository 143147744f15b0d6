/** Standbys that acknowledge commits. */
import type { DurabilityState, LivingCluster, ReachableMember } from "./cluster-state";
import { reachable } from "./goal";

/** Standbys that acknowledge commits: all that stream in `quorum`, the named ones in `sync`, where the present ones stay. */
export function acknowledging(state: LivingCluster): string[] {
  const { mode, standbys } = state.configuration.durability;
  const streaming = reachable(state).filter(([key, member]) => key !== state.leader && canAcknowledge(member));
  switch (mode) {
    case "async":
      return [];
    case "quorum":
      return streaming.map(([key]) => key);
    case "sync":
      return streaming
        .sort(([, a], [, b]) => Number(b.sync === "sync") - Number(a.sync === "sync"))
        .slice(0, standbys)
        .map(([key]) => key);
  }
}

function canAcknowledge(member: ReachableMember): boolean {
  return member.state === "streaming" && member.mayAcknowledge;
}

/** How many standbys durability asks for. */
export function neededStandbys({ mode, standbys }: DurabilityState): number {
  return mode === "async" ? 0 : standbys;
}

/** How many standbys could acknowledge a commit, without the member named. */
export function availableStandbys(state: LivingCluster, without?: string): number {
  return reachable(state).filter(([key, member]) => key !== state.leader && key !== without && canAcknowledge(member))
    .length;
}
