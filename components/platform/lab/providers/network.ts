/** What Pulumi calls for a `LabNetwork`. */
import { hostProblems, networkProblems } from "../host";
import { imageRoot } from "../image";
import { ensureNetwork, networkIsUp, removeNetwork } from "../network";
import { readNetwork } from "../record";

interface NetworkInputs {
  readonly cluster: string;
  readonly network: string;
}

interface NetworkState extends NetworkInputs {
  readonly bridge: string;
  readonly gateway: string;
  readonly up: boolean;
}

async function make({ cluster, network }: NetworkInputs): Promise<NetworkState> {
  const { bridge, gateway } = await ensureNetwork(cluster, network);
  return { cluster, network, bridge, gateway, up: true };
}

/** In the preview already: a host that cannot have this lab is told so before anything is made. */
export async function check(_old: unknown, inputs: NetworkInputs) {
  const problems = await hostProblems();
  if (problems.length === 0) {
    problems.push(...(await networkProblems(inputs.cluster, inputs.network)));
    await imageRoot().catch((error: Error) => problems.push(error.message));
  }
  return { inputs, failures: problems.map((reason) => ({ property: "network", reason })) };
}

export async function create(inputs: NetworkInputs) {
  return { id: inputs.cluster, outs: await make(inputs) };
}

/** A network that is down (after a restart of the host) is an update: it is brought up again. */
export async function diff(_id: string, old: NetworkState, inputs: NetworkInputs) {
  const replaces = (["cluster", "network"] as const).filter((field) => old[field] !== inputs[field]);
  return { changes: replaces.length > 0 || !old.up, replaces, deleteBeforeReplace: true };
}

export async function update(_id: string, _old: NetworkState, inputs: NetworkInputs) {
  return { outs: await make(inputs) };
}

export async function read(id: string, state: NetworkState) {
  const record = await readNetwork(state.cluster);
  if (record === undefined) return { id: "", props: {} };
  const { cluster, network, bridge, gateway } = record;
  return { id, props: { cluster, network, bridge, gateway, up: await networkIsUp(cluster) } };
}

export async function remove(_id: string, state: NetworkState) {
  await removeNetwork(state.cluster);
}
