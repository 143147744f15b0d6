import type * as pulumi from "@pulumi/pulumi";

/** How a machine is reached by SSH. The same fields as `connection` of @pulumi/command 1.2.1. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** PEM or OpenSSH private key; without it the SSH agent is used. */
  readonly privateKey?: string;
  /** Path of the agent's socket, when there is no private key. */
  readonly agentSocketPath?: string;
  /** The machine's public host key, `ssh-ed25519 AAAA…`. Always checked. */
  readonly hostKey: string;
  readonly proxy?: Omit<Connection, "proxy">;
}

/** A machine of the plan that can be reached, and what must exist before it is. */
export interface ReachableMachine {
  readonly key: string;
  /** Who logs in; another user than root needs sudo without a password. */
  readonly user: string;
  readonly connection: pulumi.Output<Connection>;
  /**
   * Another one for each machine that is made under this key: what was put on the last one has to be put on the next.
   * undefined: the machine is nobody's to make anew.
   */
  readonly incarnation?: pulumi.Output<string | undefined>;
  /** Resources that make the machine; empty for machines that exist already. */
  readonly dependsOn: readonly pulumi.Resource[];
}
