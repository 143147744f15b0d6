import type * as pulumi from "@pulumi/pulumi";
import type { ClusterPlan, PlannedMachine } from "../plan";
import type { ReachableMachine } from "../remote";
import { labPlatform } from "./lab";
import { sshPlatform } from "./ssh/machines";

/** Options of one machine's resource: what it waits for, and the gates before work on it. */
export type MachineOptions = Pick<pulumi.CustomResourceOptions, "dependsOn" | "hooks">;

/** Turns a planned machine into a reachable one. */
export type Platform = (machine: PlannedMachine, opts: MachineOptions) => ReachableMachine;

/** The platform that the spec names. */
export function openPlatform(name: string, plan: ClusterPlan, opts: { parent: pulumi.Resource }): Platform {
  const { platform } = plan.spec;
  switch (platform.kind) {
    case "lab":
      return labPlatform(name, plan, platform, opts);
    case "ssh":
      return sshPlatform(platform);
  }
}
