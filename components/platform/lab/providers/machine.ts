/** What Pulumi calls for a `LabMachine`. */
import { diffMachine, hasChanges } from "../diff";
import { machineProblems } from "../host";
import { createMachine, deleteMachine, type MachineState, readMachineState, updateMachine } from "../machine";
import { type MachineInputs, readMachine } from "../record";

/** In the preview already, for a machine that is to be made: too much memory, too little disk, an address that is taken. */
export async function check(_old: unknown, inputs: MachineInputs) {
  const present = await readMachine(inputs.cluster, inputs.key);
  const problems = present === undefined ? await machineProblems(inputs) : [];
  return { inputs, failures: problems.map((reason) => ({ property: inputs.key, reason })) };
}

export async function create(inputs: MachineInputs) {
  return { id: `${inputs.cluster}/${inputs.key}`, outs: await createMachine(inputs) };
}

/** A machine that is off is no change: what needs it fails and says so, and `npm run lab:power` switches it on. */
export async function diff(_id: string, old: MachineState, inputs: MachineInputs) {
  const difference = diffMachine(old, inputs);
  // Deleted first: the new machine has the same address.
  return { changes: hasChanges(difference), replaces: difference.replaces, deleteBeforeReplace: true };
}

export async function update(_id: string, _old: MachineState, inputs: MachineInputs) {
  return { outs: await updateMachine(inputs) };
}

export async function read(id: string, state: MachineState) {
  const found = await readMachineState(state.cluster, state.key);
  if (found === undefined) return { id: "", props: {} };
  return { id, props: { ...found, enforced: state.enforced } };
}

export async function remove(_id: string, state: MachineState) {
  await deleteMachine(state.cluster, state.key);
}
