import * as pulumi from "@pulumi/pulumi";
import type { ClusterAccess } from "../operate/access";
import type { ClusterPlan } from "../plan";
import { ThinResource } from "../provider/thin";
import { dynamicConfiguration } from "../services/patroni";
import type { ClusterPasswords } from "../services/types";

export interface ConductorArgs {
  readonly plan: ClusterPlan;
  readonly access: pulumi.Output<ClusterAccess>;
  readonly passwords: pulumi.Output<ClusterPasswords>;
  /** What it has to do on the running cluster, in words: empty on a first deployment, and when all is as declared. */
  readonly steps: readonly string[];
  /** What tells a machine from the one that takes its place, by key. */
  readonly incarnations: pulumi.Output<Record<string, string>>;
}

/**
 * Brings the living cluster to what is declared, after every machine has converged: waits until it has formed, owns
 * Patroni's dynamic configuration and the roles that the program needs, and changes them in a safe order.
 */
export class Conductor extends ThinResource {
  constructor(name: string, args: ConductorArgs, opts: pulumi.CustomResourceOptions) {
    super(
      "components/rollout/providers/conductor",
      name,
      {
        // Shown field by field: what the tuning made of the declared hardware is part of the review.
        configuration: dynamicConfiguration(args.plan),
        steps: args.steps,
        incarnations: args.incarnations,
        // The spec is shown on the cluster's own row already; here it is what the next update compares with.
        spec: pulumi.secret(args.plan.spec),
        access: args.access,
        passwords: args.passwords,
        // Its provider is not told which resource it works for, and what it has to say belongs there.
        row: rowOf(name, opts.parent),
      },
      { ...opts, additionalSecretOutputs: ["spec", "access", "passwords"] },
      "rollout",
      "Conductor",
    );
  }
}

/**
 * The URN that the resource is going to have. The parent's is handed on as a plain value: an output would make the resource
 * depend on its parent, and so on itself.
 */
function rowOf(name: string, parent: pulumi.Resource | undefined): pulumi.Output<string> {
  const above = parent && new Promise<string>((resolve) => void parent.urn.apply(resolve));
  return pulumi.createUrn(name, "pulumi-nodejs:dynamic/rollout:Conductor", above && pulumi.output(above));
}
