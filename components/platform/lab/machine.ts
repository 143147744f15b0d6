/** The life of a lab machine, with a cloud's meaning of create, update, read and delete. */
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { diffMachine } from "./diff";
import { diskKindOfHost, growDisk, removeDisk } from "./disks";
import { disksOf, makeFilesystem, writeAuthorizedKey } from "./filesystem";
import { machineProblems } from "./host";
import { imageRoot } from "./image";
import type { Enforced } from "./limits";
import { machineLock, withLock } from "./lock";
import { unmountBelow } from "./mounts";
import { isOn, powerOff, powerOn, shutDown } from "./power";
import { type MachineInputs, type MachineRecord, machinePaths, readMachine, writeMachine } from "./record";
import { parseBytes } from "./size";

/** What a machine is found to be. */
export interface MachineState extends MachineInputs {
  /** Public host key, `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** Another one for each machine that is made, of the same key too. */
  readonly incarnation?: string | undefined;
  /** Which declared sizes hold for all its processes. */
  readonly enforced: Enforced;
  /** `size`: disks have the declared sizes; `none`: this host has no loop devices, disks are directories without a limit. */
  readonly diskLimits: "size" | "none";
  readonly running: boolean;
}

/**
 * Makes a machine and waits until its sshd answers, with the host key given or one of its own. What an interrupted creation left is removed first; a whole machine of just this
 * declaration, made by a run that was killed before it could say so, is taken over.
 */
export function createMachine(inputs: MachineInputs, hostPrivateKey?: string): Promise<MachineState> {
  return withLock(machineLock(inputs), () => make(inputs, hostPrivateKey));
}

async function make(inputs: MachineInputs, hostPrivateKey: string | undefined): Promise<MachineState> {
  const present = await readMachine(inputs.cluster, inputs.key);
  if (present !== undefined) return takeOver(present, inputs);
  const problems = await machineProblems(inputs);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const image = await imageRoot();
  await remove(inputs.cluster, inputs.key);
  try {
    const diskKind = await diskKindOfHost();
    const draft = { ...only(inputs), imageRoot: image, diskKind, incarnation: randomUUID() };
    const { hostKey } = await makeFilesystem(draft, hostPrivateKey);
    const record: MachineRecord = { ...draft, hostKey };
    const enforced = await powerOn(record);
    // Last: a machine without a record is half-made.
    await writeMachine(record);
    return stateOf(record, enforced, true);
  } catch (error) {
    // What cannot be removed now is removed by the next try; the first error is the one to know.
    await remove(inputs.cluster, inputs.key).catch(() => undefined);
    throw error;
  }
}

async function takeOver(present: MachineRecord, inputs: MachineInputs): Promise<MachineState> {
  const { replaces, login } = diffMachine(present, inputs);
  if (replaces.length > 0 || login)
    throw new Error(
      `machine ${inputs.key} of lab "${inputs.cluster}" exists already, made for another stack or declaration ` +
        `(${machinePaths(inputs.cluster, inputs.key).record}); remove that lab: toolchain/lab/sweep.sh ${inputs.cluster}`,
    );
  return change(inputs);
}

/** Brings an existing machine to another declaration: grows disks online, changes the login, switches it off and on for another size. */
export function updateMachine(inputs: MachineInputs): Promise<MachineState> {
  return withLock(machineLock(inputs), () => change(inputs));
}

async function change(inputs: MachineInputs): Promise<MachineState> {
  const present = await readMachine(inputs.cluster, inputs.key);
  if (present === undefined)
    throw new Error(`machine ${inputs.key} of lab "${inputs.cluster}" is gone; run pulumi refresh, then pulumi up`);
  const { replaces, grows, login, powerCycle } = diffMachine(present, inputs);
  if (replaces.length > 0) throw new Error(`machine ${inputs.key}: ${replaces.join(", ")} cannot change in place`);
  const record: MachineRecord = { ...present, ...only(inputs) };
  if (powerCycle) {
    const problems = await machineProblems(inputs);
    if (problems.length > 0) throw new Error(problems.join("\n"));
  }
  for (const { name, place, size } of disksOf(record))
    if (grows.includes(name)) await growDisk(record.diskKind, place, parseBytes(size));
  if (login) await writeAuthorizedKey(record);
  if (powerCycle) await shutDown(record);
  const enforced = await powerOn(record);
  await writeMachine(record);
  return stateOf(record, enforced, true);
}

/** What the machine is now; undefined when there is none. */
export async function readMachineState(
  cluster: string,
  key: string,
): Promise<Omit<MachineState, "enforced"> | undefined> {
  const record = await readMachine(cluster, key);
  if (record === undefined) return undefined;
  const { enforced: _, ...state } = stateOf(record, { cpu: false, memory: false }, await isOn(record));
  return state;
}

/** Removes a machine and its disks, whole or half-made; safe to repeat. */
export function deleteMachine(cluster: string, key: string): Promise<void> {
  return withLock(machineLock({ cluster, key }), () => remove(cluster, key));
}

async function remove(cluster: string, key: string): Promise<void> {
  const paths = machinePaths(cluster, key);
  await powerOff({ cluster, key });
  await rm(paths.record, { force: true });
  await unmountBelow(paths.directory);
  for (const name of ["data", "wal"] as const) await removeDisk(paths.disk(name));
  await rm(paths.directory, { recursive: true, force: true });
}

/** Only the declared fields: Pulumi adds its own. */
function only(inputs: MachineInputs): MachineInputs {
  const { cluster, key, hostname, address, network, vcpu, memory, zone, image, authorizedKey } = inputs;
  const disks =
    inputs.disks.wal === undefined ? { data: inputs.disks.data } : { data: inputs.disks.data, wal: inputs.disks.wal };
  return { cluster, key, hostname, address, network, vcpu, memory, disks, zone, image, authorizedKey };
}

function stateOf(record: MachineRecord, enforced: Enforced, running: boolean): MachineState {
  const diskLimits = record.diskKind === "file" ? "size" : "none";
  const { hostKey, incarnation } = record;
  return { ...only(record), hostKey, incarnation, enforced, diskLimits, running };
}
