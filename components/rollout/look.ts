/** One look at the living cluster, in the words of the plan. */
import type { Observation } from "../operate/observation";
import { observeWith } from "../operate/observe";
import type { SshPool } from "../operate/ssh";
import { clusterState } from "../operate/state";
import type { ClusterState, LivingCluster } from "../plan/change";
import { type ClusterSpec, megabytes } from "../spec";
import { withoutOwnParameters } from "./document";

export interface Look {
  readonly seen: Observation;
  readonly state: ClusterState;
}

/** @param after What is declared: its figures tell a granted size from what a kernel shows of it. */
export async function look(pool: SshPool, after: ClusterSpec): Promise<Look> {
  const seen = await observeWith(pool);
  return { seen, state: stateFor(after, seen) };
}

/** What was seen, for a rollout towards this declaration. Pure. */
export function stateFor(after: ClusterSpec, seen: Observation): ClusterState {
  const declaredMemory = Object.fromEntries(
    Object.entries(after.machines).map(([key, machine]) => [key, megabytes(machine.size.memory) * 1024 ** 2]),
  );
  const state = clusterState(seen, { declaredMemory });
  if (state.kind !== "living") return state;
  return withoutOwnParameters(after, withDeclaredVoters(after, withoutGone(seen, after, state)));
}

/** A voter that has not started yet has no name, only an address: it is the one that is declared there. */
function withDeclaredVoters(after: ClusterSpec, state: LivingCluster): LivingCluster {
  const keys = new Map(Object.entries(after.machines).map(([key, { address }]) => [address, key]));
  const members = state.etcd.members.map((member) => ({ ...member, key: keys.get(member.key) ?? member.key }));
  return { ...state, etcd: { members } };
}

/**
 * The state without members that have left: Patroni does not list them, and their machines answer with nothing of the
 * cluster on them, or are neither to be reached nor declared. What is declared, and not to be reached, is known to be away.
 */
function withoutGone(seen: Observation, after: ClusterSpec, state: LivingCluster): LivingCluster {
  const listed = new Set(seen.patroni?.members.map(({ name }) => name));
  const remain = Object.entries(state.members).flatMap(([key, member]) => {
    // A newcomer that is on its way while somebody looks who cannot reach it yet: it is the conductor's, later on.
    if (seen.strangers.includes(key) && after.machines[key] !== undefined) return [];
    if (member.reachable || listed.has(key)) return [[key, member] as const];
    if (state.machines[key]?.reachable === true || after.machines[key] === undefined) return [];
    return [[key, { ...member, unlisted: true }] as const];
  });
  const members = Object.fromEntries(remain);
  // What a machine does not tell because nothing of the cluster runs there any more, or because it is off, is no riddle.
  const mute = Object.keys(state.machines).filter(
    (key) => state.machines[key]?.reachable === false || (key in state.members && !(key in members)),
  );
  const unknown = state.unknown.filter(({ machine }) => machine === undefined || !mute.includes(machine));
  return { ...state, members, unknown, machines: withoutStoppedPoolers(after, state) };
}

/** A pooler that nobody declares and that has stopped is none. */
function withoutStoppedPoolers(after: ClusterSpec, state: LivingCluster): LivingCluster["machines"] {
  return Object.fromEntries(
    Object.entries(state.machines).map(([key, machine]) => {
      const gone = machine.pooler === "stopped" && !after.poolers.machines.includes(key);
      return [key, gone ? { ...machine, pooler: "none" } : machine];
    }),
  );
}
