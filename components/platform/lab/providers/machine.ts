/** What Pulumi calls for a `LabMachine`. */
import { diffMachine, hasChanges } from "../diff";
import { machineProblems } from "../host";
import { createMachine, deleteMachine, type MachineState, readMachineState, updateMachine } from "../machine";
import { type MachineInputs, readMachine } from "../record";

/** In the preview already: too much memory, too little disk, an address that is taken. A machine as it is already has no problem. */
export async function check(_old: unknown, inputs: MachineInputs) {
  const present = await readMachine(inputs.cluster, inputs.key);
  const changed = present === undefined || hasChanges(diffMachine(present, inputs));
  const problems = changed ? await machineProblems(inputs) : [];
  return { inputs, failures: problems.map((reason) => ({ property: inputs.key, reason })) };
}

export async function create(inputs: MachineInputs & { readonly hostPrivateKey?: string }) {
  return { id: `${inputs.cluster}/${inputs.key}`, outs: await createMachine(inputs, inputs.hostPrivateKey) };
}

/**
 * Pulumi knows that a machine is off after a refresh only; the update then switches it on. Without one, what needs the machine fails and
 * says that it does not answer.
 */
export async function diff(_id: string, old: MachineState, inputs: MachineInputs) {
  const difference = diffMachine(old, inputs);
  // Deleted first: the new machine has the same address.
  return {
    changes: hasChanges(difference) || !old.running,
    replaces: difference.replaces,
    deleteBeforeReplace: true,
  };
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
