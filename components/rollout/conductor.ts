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
      },
      { ...opts, additionalSecretOutputs: ["spec", "access", "passwords"] },
      "rollout",
      "Conductor",
    );
  }
}
