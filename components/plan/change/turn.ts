/** A point in the middle of a rollout, at which something else than the conductor has its turn. Pure. */
import { isMachineWork, type Step } from "./step";

/**
 * What a rollout is brought to, and no further.
 *
 * - `vote`: etcd knows the voter, which is about to start. Machines that come with this update cannot be asked yet.
 * - `work`: Pulumi works on the whole machine. All machines but those that wait for such a turn as well, this one among
 *   them, are as declared by then; newcomers run, and voters that they bring have been made known to etcd.
 */
export interface Turn {
  readonly machine: string;
  readonly for: "work" | "vote";
}

/** Whether the step is the one that the turn is about. */
export function isTurnOf(turn: Turn, step: Step): boolean {
  return turn.for === "work"
    ? isMachineWork(step) && step.machine === turn.machine
    : step.kind === "add-voter" && step.machine === turn.machine;
}
