/** The steps of a rollout, and what stays standing during each. */
import type { ChangedFiles, DurabilityState, Software, StoppedUnit } from "./cluster-state";

/**
 * Who carries a step out. `converge`: the service's own converge on the machine, when its files change; `conductor`:
 * the one that works on the running cluster; `platform`: what makes and unmakes machines.
 */
export type Actor = "converge" | "conductor" | "platform";

export interface ParameterSetting {
  readonly name: string;
  /** undefined: was not set. */
  readonly from: string | undefined;
  /** undefined: removed from the document. */
  readonly to: string | undefined;
}

export interface SoftwareChange {
  readonly software: Software;
  readonly from: string | undefined;
  readonly to: string;
}

export type StepAction =
  /** First deployment: etcd is formed, the leader initialised, replicas seeded from it. */
  | { readonly kind: "bootstrap"; readonly members: readonly string[]; readonly voters: readonly string[] }
  /** The gates of the whole plan, seen on the living cluster right before the first step. */
  | { readonly kind: "preflight"; readonly checks: readonly string[] }
  /** Poolers that an earlier run left paused. */
  | { readonly kind: "resume-poolers"; readonly machines: readonly string[] }
  /**
   * Files of a service that are not as the machine was given them come back, and the service takes them over. `units` of
   * it that do not run start with that. `passing`: files that were for a rollout only are taken back.
   */
  | {
      readonly kind: "restore-files";
      readonly machine: string;
      readonly service: string;
      readonly passing: boolean;
      readonly files: ChangedFiles["files"];
      readonly units: readonly StoppedUnit[];
    }
  /** Units of a service that were stopped, disabled or masked. */
  | {
      readonly kind: "start-units";
      readonly machine: string;
      readonly service: string;
      readonly units: readonly StoppedUnit[];
    }
  /** What ALTER SYSTEM has set otherwise than declared is reset. */
  | { readonly kind: "reset-parameter"; readonly member: string; readonly parameters: readonly ParameterSetting[] }
  /** New pg_hba rules take effect on the members. */
  | { readonly kind: "hba"; readonly members: readonly string[] }
  /** Settings in members' own files (tags, parameters that follow from the machine) take effect. */
  | { readonly kind: "reload"; readonly members: readonly string[]; readonly what: readonly string[] }
  /** PgBouncer and HAProxy: set up, read their configuration again, or are emptied before they go. */
  | {
      readonly kind: "pooler-change";
      readonly machines: readonly string[];
      readonly change: "added" | "reload" | "drained";
      readonly what: readonly string[];
    }
  /**
   * Patroni's dynamic configuration is written. Where some parameters that a standby must have as high as its leader
   * rise and others fall, that takes two passes: `held` names those that keep their present, higher value until every
   * replica has what rises. Empty: everything is as declared.
   */
  | {
      readonly kind: "config-apply";
      readonly parameters: readonly ParameterSetting[];
      readonly timings: readonly ParameterSetting[];
      readonly held: readonly string[];
    }
  /** `until`: it is for the steps up to there only, and is taken back afterwards. */
  | {
      readonly kind: "durability-change";
      readonly from: DurabilityState;
      readonly to: DurabilityState;
      readonly until?: string;
    }
  | {
      readonly kind: "grow-disk";
      readonly machine: string;
      readonly disk: "data" | "wal";
      readonly from: string;
      readonly to: string;
    }
  | { readonly kind: "add-voter"; readonly machine: string }
  | { readonly kind: "promote-voter"; readonly machine: string }
  /** `stranger`: its machine is not known; nobody declares it. */
  | { readonly kind: "remove-voter"; readonly machine: string; readonly dead: boolean; readonly stranger?: true }
  | { readonly kind: "seed-member"; readonly member: string; readonly from: string }
  | { readonly kind: "admit-to-reads"; readonly member: string }
  /** `leader`: restarted in place, with the poolers paused. */
  | {
      readonly kind: "restart-member";
      readonly member: string;
      readonly role: "leader" | "replica";
      readonly parameters: readonly string[];
    }
  /** The old leader restarts as it becomes a replica, so that it picks up `picksUp` without another restart. */
  | {
      readonly kind: "switchover";
      readonly from: string;
      readonly to: string;
      readonly why: string;
      readonly picksUp: readonly string[];
    }
  | {
      readonly kind: "power-cycle";
      readonly machine: string;
      readonly from: string;
      readonly to: string;
      readonly picksUp: readonly string[];
      readonly software: readonly SoftwareChange[];
    }
  | {
      readonly kind: "upgrade-software";
      readonly machine: string;
      readonly software: readonly SoftwareChange[];
      readonly picksUp: readonly string[];
    }
  | { readonly kind: "leave-read-route"; readonly member: string }
  | { readonly kind: "leave-patroni"; readonly member: string; readonly dead: boolean }
  | { readonly kind: "drop-slot"; readonly member: string }
  /** The machine is made anew under the same key; its data goes, and comes back by seeding. */
  | { readonly kind: "replace-machine"; readonly machine: string; readonly why: readonly string[] }
  | { readonly kind: "delete-machine"; readonly machine: string }
  | { readonly kind: "verify"; readonly checks: readonly string[] };

export type StepKind = StepAction["kind"];

/** What clients' writes do while a step runs. */
export type WriteEffect =
  | { readonly kind: "flow" }
  /** They wait, and go on after about so many seconds. */
  | { readonly kind: "pause"; readonly seconds: number };

/** What clients can count on while a step runs. */
export interface Standing {
  readonly writes: WriteEffect;
  /** Replicas that serve the read route during the step, of those that do so between steps; 0: the leader serves. */
  readonly readReplicas: { readonly during: number; readonly of: number };
  /** Voters that etcd can lose during the step and still decide. -1: it cannot decide until the step is done. */
  readonly etcdMayLose: number;
  /** Members that can take over if the leader fails during the step. */
  readonly standIns: number;
  /** Standbys that acknowledge commits during the step, of those that durability asks for. */
  readonly acknowledging: { readonly during: number; readonly needed: number };
  /** Anything else that clients notice. */
  readonly notes: readonly string[];
}

export type Step = StepAction & { readonly by: Actor; readonly standing: Standing };

/** Work on a machine as a whole, during which everything on it is away. */
export function isMachineWork(
  step: Step,
): step is Step & { readonly kind: "power-cycle" | "replace-machine"; readonly machine: string } {
  return step.kind === "power-cycle" || step.kind === "replace-machine";
}
