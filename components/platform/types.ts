import type * as pulumi from "@pulumi/pulumi";
import type { PlannedMachine } from "../plan";
import type { ReachableMachine } from "../remote";

/** Options of one machine's resource: what it waits for, and the gates before work on it. */
export type MachineOptions = Pick<pulumi.CustomResourceOptions, "dependsOn" | "hooks">;

/** Turns a planned machine into a reachable one. */
export type Platform = (machine: PlannedMachine, opts: MachineOptions) => ReachableMachine;
