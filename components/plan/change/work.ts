/** What one machine still needs, seen from its state. */
import type { ClusterSpec, MachineSpec } from "../../spec";
import type { LivingCluster, Software } from "./cluster-state";
import { bytesOf, sameJson, shownBytes } from "./fields";
import { awaitingRestart, type Goal, goalOf } from "./goal";
import type { SoftwareChange } from "./step";

export interface Work {
  /** Why the machine has to be made anew; empty: it need not be. */
  readonly replace: readonly string[];
  /** Another size, in words; undefined: it has the declared one. */
  readonly powerCycle: { readonly from: string; readonly to: string } | undefined;
  readonly software: readonly SoftwareChange[];
  /** Parameters that a restart of PostgreSQL brings into force. */
  readonly restart: readonly string[];
}

export interface Growth {
  readonly disk: "data" | "wal";
  readonly from: string;
  readonly to: string;
}

/** What the machine still needs. Nothing for one that does not exist yet: it is made as declared. */
export function workOn(goal: Goal, state: LivingCluster, key: string): Work {
  const machine = state.machines[key];
  const declared = goal.after.machines[key];
  if (declared === undefined || machine === undefined)
    return { replace: [], powerCycle: undefined, software: [], restart: [] };
  return {
    replace: reasonsToReplace(goal, state, key, declared),
    powerCycle: resizing(goal, state, key, declared),
    software: softwareChanges(goal, state, key),
    restart: goal.members.includes(key) ? awaitingRestart(goal, state, key) : [],
  };
}

/** Whether the machine is to be made anew; for whoever does not plan. */
export function isToBeRemade(
  before: ClusterSpec | undefined,
  after: ClusterSpec,
  state: LivingCluster,
  key: string,
): boolean {
  return workOn(goalOf(before, after), state, key).replace.length > 0;
}

/** The whole machine is away meanwhile. */
export function stopsMachine({ replace, powerCycle }: Work): boolean {
  return replace.length > 0 || powerCycle !== undefined;
}

/** It stops PostgreSQL on the machine. A new Patroni does not. */
export function stopsPostgresql(work: Work): boolean {
  return (
    work.replace.length > 0 ||
    work.powerCycle !== undefined ||
    work.restart.length > 0 ||
    work.software.some(({ software }) => software === "postgresql")
  );
}

/** It stops etcd on the machine. */
export function stopsEtcd(work: Work): boolean {
  return (
    work.replace.length > 0 ||
    work.powerCycle !== undefined ||
    work.software.some(({ software }) => software === "etcd")
  );
}

/**
 * Facts about the machine that nobody could read and on which it depends whether it has work: without them a change of
 * these fields is neither done nor known to be done.
 */
export function missingFacts(goal: Goal, state: LivingCluster, key: string): string[] {
  const [machine, declared, old] = [state.machines[key], goal.after.machines[key], goal.before?.machines[key]];
  if (!isOurs(goal) || machine?.reachable !== true || declared === undefined || old === undefined) return [];
  const missing: string[] = [];
  if (machine.image === undefined && goal.before !== undefined && imageOf(goal.before) !== imageOf(goal.after))
    missing.push(`image of ${key}`);
  if (machine.zone === undefined && old.zone !== declared.zone) missing.push(`zone of ${key}`);
  if (machine.vcpu === undefined && old.size.vcpu !== declared.size.vcpu) missing.push(`CPUs of ${key}`);
  if (machine.memoryBytes === undefined && old.size.memory !== declared.size.memory) missing.push(`memory of ${key}`);
  if (machine.disks.data === undefined && !sameJson(old.disks, declared.disks)) missing.push(`disks of ${key}`);
  for (const software of softwareOf(goal, key)) {
    const [was, wanted] = [goal.before?.software[software], goal.after.software[software]];
    if (machine.versions[software] === undefined && was !== wanted) missing.push(`version of ${software} on ${key}`);
  }
  return missing;
}

export function isIdle(work: Work): boolean {
  return !stopsPostgresql(work) && work.software.length === 0;
}

/** Machines on the platform `ssh` are the user's own: neither resized nor replaced here. */
function isOurs(goal: Goal): boolean {
  return goal.after.platform.kind !== "ssh";
}

function reasonsToReplace(goal: Goal, state: LivingCluster, key: string, declared: MachineSpec): string[] {
  if (!isOurs(goal)) return [];
  const machine = state.machines[key];
  const old = goal.before?.machines[key];
  const reasons: string[] = [];
  // What a machine that does not answer was made as, only the former declaration tells.
  const dead = machine?.reachable === false;
  const image = imageOf(goal.after);
  const oldImage = machine?.image ?? (dead && goal.before !== undefined ? imageOf(goal.before) : undefined);
  if (image !== undefined && oldImage !== undefined && image !== oldImage)
    reasons.push(`image ${oldImage} to ${image}`);
  const zone = machine?.zone ?? (dead ? old?.zone : undefined);
  if (zone !== undefined && zone !== declared.zone) reasons.push(`zone ${zone} to ${declared.zone}`);
  for (const disk of ["data", "wal"] as const) {
    const was = dead ? old?.disks[disk]?.size : undefined;
    const has = machine?.disks[disk]?.sizeBytes ?? (was === undefined ? undefined : bytesOf(was));
    const wants = declared.disks[disk]?.size;
    if (has !== undefined && wants !== undefined && bytesOf(wants) < has)
      reasons.push(`${disk} disk ${shownBytes(has)} to ${wants}`);
  }
  if (machine?.disks.data !== undefined && (machine.disks.wal === undefined) !== (declared.disks.wal === undefined))
    reasons.push(declared.disks.wal === undefined ? "no WAL disk" : `a WAL disk of ${declared.disks.wal.size}`);
  return reasons;
}

function imageOf(spec: Goal["after"]): string | undefined {
  return spec.platform.kind === "lab" ? spec.platform.image : undefined;
}

function resizing(goal: Goal, state: LivingCluster, key: string, declared: MachineSpec): Work["powerCycle"] {
  if (!isOurs(goal)) return undefined;
  const { vcpu, memoryBytes: memory } = state.machines[key] ?? { vcpu: undefined, memoryBytes: undefined };
  if (vcpu === undefined || memory === undefined) return undefined;
  const wanted = declared.size;
  if (vcpu === wanted.vcpu && memory === bytesOf(wanted.memory)) return undefined;
  return { from: `${vcpu} vCPU, ${shownBytes(memory)}`, to: `${wanted.vcpu} vCPU, ${wanted.memory}` };
}

/** Disks that are smaller than declared and grow while they are in use. */
export function growths(goal: Goal, state: LivingCluster, key: string): Growth[] {
  const [machine, declared] = [state.machines[key], goal.after.machines[key]];
  if (!isOurs(goal) || machine === undefined || declared === undefined) return [];
  return (["data", "wal"] as const).flatMap((disk) => {
    const [has, wants] = [machine.disks[disk]?.sizeBytes, declared.disks[disk]?.size];
    if (has === undefined || wants === undefined || has >= bytesOf(wants)) return [];
    return [{ disk, from: shownBytes(has), to: wants }];
  });
}

function softwareChanges(goal: Goal, state: LivingCluster, key: string): SoftwareChange[] {
  return softwareOf(goal, key).flatMap((software) => {
    const to = goal.after.software[software];
    const from = state.machines[key]?.versions[software];
    // Installed and not yet at work: an earlier run stopped between the two.
    const due = from !== to || state.machines[key]?.stale?.includes(software) === true;
    return to === undefined || from === undefined || !due ? [] : [{ software, from, to }];
  });
}

/** What the declaration puts on the machine. */
export function softwareOf(goal: Goal, key: string): Software[] {
  const roles: Software[] = [
    ...(goal.members.includes(key) ? (["postgresql", "patroni", "pgbackrest"] as const) : []),
    ...(goal.voters.includes(key) ? (["etcd"] as const) : []),
    ...(goal.poolers.includes(key) ? (["haproxy", "pgbouncer"] as const) : []),
  ];
  return roles.sort();
}
