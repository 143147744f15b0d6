import type * as pulumi from "@pulumi/pulumi";
import type { ClusterPlan } from "../plan";
import type { ReachableMachine } from "../remote";
import { labMachines } from "./lab";
import { sshMachines } from "./ssh/machines";

/** Turns the planned machines into reachable ones, on the platform that the spec names. */
export function createMachines(name: string, plan: ClusterPlan, opts: { parent: pulumi.Resource }): ReachableMachine[] {
  const { platform } = plan.spec;
  switch (platform.kind) {
    case "lab":
      return labMachines(name, plan, platform, opts);
    case "ssh":
      return sshMachines(plan, platform);
  }
}
