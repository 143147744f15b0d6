/** A state with one thing changed. */
import type {
  EtcdMemberState,
  LivingCluster,
  MachineState,
  MemberState,
  ReachableMember,
  Software,
} from "./cluster-state";
import { asked } from "./goal";

export function diskGrown(state: LivingCluster, key: string, disk: "data" | "wal", sizeBytes: number): LivingCluster {
  const machine = state.machines[key];
  const present = machine?.disks[disk];
  if (machine === undefined || present === undefined) return state;
  const freeBytes = present.freeBytes + sizeBytes - present.sizeBytes;
  return withMachine(state, key, { disks: { ...machine.disks, [disk]: { sizeBytes, freeBytes } } });
}

export function withSoftware(
  state: LivingCluster,
  key: string,
  software: readonly { readonly software: Software; readonly to: string }[],
): LivingCluster {
  const versions = { ...state.machines[key]?.versions };
  for (const change of software) versions[change.software] = change.to;
  const done = software.map((change) => change.software);
  const stale = state.machines[key]?.stale?.filter((one) => !done.includes(one));
  return withMachine(state, key, { versions, ...(stale === undefined ? {} : { stale }) });
}

export function withKey(keys: readonly string[], key: string): readonly string[] {
  return keys.includes(key) ? keys : [...keys, key];
}

export function withMachine(state: LivingCluster, key: string, change: Partial<MachineState>): LivingCluster {
  const machine = state.machines[key];
  if (machine === undefined) return state;
  return { ...state, machines: { ...state.machines, [key]: { ...machine, ...change } } };
}

export function withVoters(state: LivingCluster, members: readonly EtcdMemberState[]): LivingCluster {
  return { ...state, etcd: { members } };
}

export function withMember(state: LivingCluster, key: string, member: MemberState): LivingCluster {
  return { ...state, members: { ...state.members, [key]: member } };
}

export function changed(state: LivingCluster, key: string, change: Partial<ReachableMember>): LivingCluster {
  const member = asked(state, key);
  return member === undefined ? state : withMember(state, key, { ...member, ...change });
}
