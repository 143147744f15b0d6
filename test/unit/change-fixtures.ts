/** Declarations and states of clusters for the tests of changes. */
import type { LivingCluster, ReachableMember } from "../../components/plan/change";
import { goalOf } from "../../components/plan/change/goal";
import { deployed } from "../../components/plan/change/newcomers";
import { settled } from "../../components/plan/change/predict";
import { type ClusterInput, type ClusterSpec, type MachineInput, parseCluster } from "../../components/spec";

export function machine(changes: Partial<MachineInput> = {}): MachineInput {
  return { size: { vcpu: 4, memory: "16GB" }, disks: { data: { size: "200GB" } }, ...changes };
}

/** Equal machines by key. */
export function machines(...keys: string[]): Record<string, MachineInput> {
  return Object.fromEntries(keys.map((key) => [key, machine()]));
}

/** A cluster of three equal members in the lab, but for what is given. */
export function declare(changes: Partial<ClusterInput> = {}): ClusterSpec {
  return parseCluster({
    name: "shop",
    platform: { kind: "lab" },
    machines: machines("db-1", "db-2", "db-3"),
    ...changes,
  });
}

/** What is installed where nothing is pinned. */
export const INSTALLED = {
  postgresql: "17.11-0+deb13u1",
  patroni: "4.0.7-1",
  etcd: "3.5.16-4",
  haproxy: "3.0.11-1",
  pgbouncer: "1.24.1-1",
  pgbackrest: "2.55.1-1",
};

/** The cluster as its declaration left it, with a leader of choice. */
export function living(spec: ClusterSpec, leader?: string): LivingCluster {
  const goal = goalOf(undefined, spec);
  const fresh = deployed(goal) as LivingCluster;
  const machines = Object.fromEntries(
    Object.entries(fresh.machines).map(([key, machine]) => [
      key,
      { ...machine, versions: { ...INSTALLED, ...machine.versions } },
    ]),
  );
  const state = { ...fresh, machines };
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
