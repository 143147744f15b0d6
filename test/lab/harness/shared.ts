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

/** Creates the cluster, or takes the one that an earlier test file of this run has created, and waits until nothing of it is missing. */
export async function sharedCluster(): Promise<{ workspace: Workspace; cluster: TestCluster }> {
  const workspace = await Workspace.open(SHARED);
  await workspace.up();
  const cluster = new TestCluster(await workspace.outputs());
  await cluster.settled(60);
  return { workspace, cluster };
}
