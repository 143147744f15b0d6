/** The lab's machines and their network as Pulumi resources. */
import type * as pulumi from "@pulumi/pulumi";
import { ThinResource } from "../../provider/thin";
import type { Enforced } from "./limits";
import type { MachineInputs } from "./record";

export interface LabNetworkArgs {
  readonly cluster: string;
  /** IPv4 network in CIDR notation. The host has its first address. */
  readonly network: string;
}

/** A bridge of the lab's own, with the host's address on it and a way out for packages. */
export class LabNetwork extends ThinResource {
  /** Name of the bridge. */
  declare readonly bridge: pulumi.Output<string>;
  /** The host's address. */
  declare readonly gateway: pulumi.Output<string>;
  /** False after the host was restarted; an update brings it up. */
  declare readonly up: pulumi.Output<boolean>;

  constructor(name: string, args: LabNetworkArgs, opts?: pulumi.CustomResourceOptions) {
    const props = { ...args, bridge: undefined, gateway: undefined, up: undefined };
    super("components/platform/lab/providers/network", name, props, opts, "lab", "Network");
  }
}

/** The inputs of a machine; only its keys are known at deployment only. */
export type LabMachineArgs = Omit<MachineInputs, "authorizedKey"> & {
  readonly authorizedKey: pulumi.Input<string>;
  /** Its SSH host key: a machine that takes this one's place is known by it too. */
  readonly hostPrivateKey: pulumi.Input<string>;
};

/**
 * A Debian 13 machine on this host. Another size switches it off and on, a larger disk grows while it is in use, any other change
 * makes it anew. It depends on its cluster's `LabNetwork`.
 */
export class LabMachine extends ThinResource {
  /** Public host key, `ssh-ed25519 AAAA…`. */
  declare readonly hostKey: pulumi.Output<string>;
  /** Another one for each machine that is made, of the same key too. */
  declare readonly incarnation: pulumi.Output<string | undefined>;
  /** Which of the declared sizes hold for all processes of the machine. */
  declare readonly enforced: pulumi.Output<Enforced>;
  /** `size`: the disks have the declared sizes; `none`: this host has no loop devices, the disks are directories without a limit. */
  declare readonly diskLimits: pulumi.Output<"size" | "none">;
  /** As of the last refresh. */
  declare readonly running: pulumi.Output<boolean>;

  constructor(name: string, args: LabMachineArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { hostKey: undefined, incarnation: undefined, enforced: undefined, diskLimits: undefined };
    const props = { ...args, ...outputs, running: undefined };
    super("components/platform/lab/providers/machine", name, props, opts, "lab", "Machine");
  }
}
