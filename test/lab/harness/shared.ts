/** The one cluster that lab tests share, so that only one deployment is paid. */
import type { ClusterInput } from "../../../components/spec";
import { equalMembers } from "../../../components/spec";
import { TestCluster } from "./cluster";
import { Workspace } from "./workspace";

/** Three small members, any one standby acknowledging each commit. A user's lab may run beside it: its network is another. */
export const SHARED: ClusterInput = {
  name: "t-shared",
  platform: { kind: "lab", network: "198.18.0.128/26" },
  postgresql: { profile: "small" },
  durability: { mode: "quorum" },
  recovery: "fast",
  machines: equalMembers(3, {
    size: { vcpu: 1, memory: "1GB" },
    disks: { data: { size: "2GB" } },
  }),
};

/** The same cluster under another name and on another network, for tests that change what it is. */
export function likeShared(name: string, network: string): ClusterInput {
  return { ...SHARED, name, platform: { kind: "lab", network } };
}

/** A declaration with the same change of each machine. */
export function everyMachine(
  now: ClusterInput,
  change: (machine: ClusterInput["machines"][string]) => ClusterInput["machines"][string],
): ClusterInput {
  const machines = Object.entries(now.machines).map(([key, machine]) => [key, change(machine)]);
  return { ...now, machines: Object.fromEntries(machines) };
}

/** Creates the cluster, or takes the one that an earlier test file of this run has created, and waits until nothing of it is missing. */
export function sharedCluster(): Promise<{ workspace: Workspace; cluster: TestCluster }> {
  return clusterOf(SHARED);
}

/** The same for any declaration. */
export async function clusterOf(declaration: ClusterInput): Promise<{ workspace: Workspace; cluster: TestCluster }> {
  const workspace = await Workspace.open(declaration);
  await workspace.up();
  const cluster = new TestCluster(await workspace.outputs());
  await cluster.settled(60);
  return { workspace, cluster };
}
