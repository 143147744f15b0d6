import * as pulumi from "@pulumi/pulumi";
import type { ClusterPlan, PlannedMachine } from "../../plan";
import type { Connection } from "../../remote";
import { SshKey } from "../../secrets/resources";
import type { PlatformSpec } from "../../spec";
import type { Platform } from "../types";
import { LabMachine, type LabMachineArgs, LabNetwork } from "./resources";

type LabPlatform = Extract<PlatformSpec, { kind: "lab" }>;

/** Machines on this host, on a network of their own. */
export function labPlatform(
  name: string,
  plan: ClusterPlan,
  platform: LabPlatform,
  opts: { parent: pulumi.Resource },
): Platform {
  const cluster = plan.spec.name;
  const login = new SshKey(`${name}-login`, { comment: `pgkeel-${cluster}` }, opts);
  const network = new LabNetwork(`${name}-network`, { cluster, network: platform.network }, opts);
  return (planned, { dependsOn, hooks }) => {
    const host = new SshKey(`${name}-${planned.key}-host`, { comment: planned.hostname }, opts);
    const keys = { authorizedKey: login.publicKey, hostPrivateKey: host.privateKey };
    const args = { ...machineArgs(cluster, planned, platform), ...keys };
    const machine = new LabMachine(`${name}-${planned.key}-machine`, args, {
      ...opts,
      dependsOn: pulumi.output(dependsOn ?? []).apply((others) => [network, ...[others].flat()]),
      ...(hooks === undefined ? {} : { hooks }),
    });
    const reached = connection(planned, machine, login);
    const { incarnation } = machine;
    return { key: planned.key, user: "root", connection: reached, incarnation, dependsOn: [machine] };
  };
}

function machineArgs(
  cluster: string,
  machine: PlannedMachine,
  platform: LabPlatform,
): Omit<LabMachineArgs, "authorizedKey" | "hostPrivateKey"> {
  const { size, disks, zone } = machine.spec;
  return {
    cluster,
    key: machine.key,
    hostname: machine.hostname,
    address: machine.address,
    network: platform.network,
    vcpu: size.vcpu,
    memory: size.memory,
    disks: disks.wal === undefined ? { data: disks.data.size } : { data: disks.data.size, wal: disks.wal.size },
    zone,
    image: platform.image,
  };
}

function connection(planned: PlannedMachine, machine: LabMachine, login: SshKey): pulumi.Output<Connection> {
  return pulumi.secret(
    pulumi.all([machine.hostKey, login.privateKey]).apply(([hostKey, privateKey]) => ({
      host: planned.address,
      port: 22,
      user: "root",
      privateKey,
      hostKey,
    })),
  );
}
