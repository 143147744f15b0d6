/** Declarations and states of clusters for the tests of changes. */
import type { Confirmation, LivingCluster, ReachableMember } from "../../components/plan/change";
import { goalOf } from "../../components/plan/change/goal";
import { deployed, settled } from "../../components/plan/change/predict";
import { type ClusterInput, type ClusterSpec, type MachineInput, parseCluster } from "../../components/spec";

export function machine(changes: Partial<MachineInput> = {}): MachineInput {
  return { size: { vcpu: 4, memory: "16GB" }, disks: { data: { size: "200GB" } }, ...changes };
}

/** Equal machines by key. */
export function machines(...keys: string[]): Record<string, MachineInput> {
  return Object.fromEntries(keys.map((key) => [key, machine()]));
}

export type Declared = Partial<Omit<ClusterInput, "confirm">> & { readonly confirm?: readonly Confirmation[] };

/** A cluster of three equal members in the lab, but for what is given. */
export function declare({ confirm, ...changes }: Declared = {}): ClusterSpec {
  const spec = parseCluster({
    name: "shop",
    platform: { kind: "lab" },
    machines: machines("db-1", "db-2", "db-3"),
    ...changes,
  });
  return confirm === undefined ? spec : ({ ...spec, confirm } as ClusterSpec);
}

/** The cluster as its declaration left it, with a leader of choice. */
export function living(spec: ClusterSpec, leader?: string): LivingCluster {
  const goal = goalOf(undefined, spec);
  const state = deployed(goal) as LivingCluster;
  return leader === undefined ? state : settled(goal, ledBy(spec, state, leader));
}

function ledBy(spec: ClusterSpec, state: LivingCluster, leader: string): LivingCluster {
  const old = state.leader as string;
  if (old === leader) return state;
  const declared = spec.machines[old]?.member;
  const inReadRoute = declared !== undefined && declared !== false && declared.takesReads;
  const [was, is] = [state.members[old] as ReachableMember, state.members[leader] as ReachableMember];
  return {
    ...state,
    leader,
    members: {
      ...state.members,
      [old]: { ...was, role: "replica", state: "streaming", inReadRoute },
      [leader]: { ...is, role: "leader", state: "running", inReadRoute: false, sync: "async" },
    },
    slots: [...state.slots.filter((key) => key !== leader), old].sort(),
  };
}

export function withMember(state: LivingCluster, key: string, change: Partial<ReachableMember>): LivingCluster {
  return { ...state, members: { ...state.members, [key]: { ...(state.members[key] as ReachableMember), ...change } } };
}

/** The machine with everything on it does not answer. */
export function dead(state: LivingCluster, key: string): LivingCluster {
  const machine = state.machines[key];
  const member = state.members[key];
  return {
    ...state,
    machines: {
      ...state.machines,
      ...(machine === undefined
        ? {}
        : {
            [key]: {
              ...machine,
              reachable: false,
              vcpu: undefined,
              memoryBytes: undefined,
              disks: {},
              image: undefined,
              zone: undefined,
              versions: {},
            },
          }),
    },
    members: {
      ...state.members,
      ...(member === undefined ? {} : { [key]: { reachable: false, why: "no answer over SSH within 5 s" } as const }),
    },
    etcd: { members: state.etcd.members.map((voter) => (voter.key === key ? { ...voter, healthy: false } : voter)) },
  };
}
