/** Members that are not well, and steps that disturb. */
import { founder } from "../../services/patroni/configuration";
import { planCluster } from "../plan";
import type { LivingCluster } from "./cluster-state";
import type { Goal } from "./goal";
import type { Refusal } from "./refusal";
import type { Step } from "./step";

/**
 * Members that stay and are not well, while something else would be disturbed; and machines that do not answer, while
 * something is to be done on them.
 */
export function unwellMachines(goal: Goal, state: LivingCluster, steps: readonly Step[]): Refusal[] {
  const remade = new Set(steps.flatMap((step) => (step.kind === "replace-machine" ? [step.machine] : [])));
  // A member that is down because its Patroni was stopped is up again before anything else is disturbed.
  const started = new Set(steps.flatMap((step) => (startsPatroni(step) ? [step.machine] : [])));
  const disturbing = steps.some(isDisturbing);
  const refusals: Refusal[] = [];
  for (const key of Object.keys(goal.after.machines).sort()) {
    if (remade.has(key)) continue;
    const why = goal.members.includes(key) ? unwell(state, key) : undefined;
    if (why !== undefined && disturbing && !started.has(key))
      refusals.push(down(key, `${key} ${why}: with another member disturbed as well, too little would be left`));
    else if (state.machines[key]?.reachable === false && steps.some((step) => isWorkOn(goal, step, key)))
      refusals.push(down(key, `${key} does not answer, and something is to be done on it`));
  }
  return refusals;
}

function startsPatroni(step: Step): step is Extract<Step, { kind: "restore-files" | "start-units" }> {
  if (step.kind !== "restore-files" && step.kind !== "start-units") return false;
  return step.service === "patroni" && step.units.some(({ active }) => active !== "running");
}

function down(key: string, reason: string): Refusal {
  const advice = `bring ${key} back (runbook: machine lost), or take it out of the declaration`;
  return { code: "member-down", subject: key, reason, advice };
}

/** The founder's files hold the configuration with which a cluster begins, so that they change with the cluster's. */
function isWorkOn(goal: Goal, step: Step, key: string): boolean {
  return machineOf(step) === key || (step.kind === "config-apply" && key === founder(planCluster(goal.after))?.key);
}

/** The machine on which a step works; undefined: on none, or on several. */
function machineOf(step: Step): string | undefined {
  if ("machine" in step) return step.machine;
  return "member" in step ? step.member : undefined;
}

/** Why the member is not well; undefined: it is. */
export function unwell(state: LivingCluster, key: string): string | undefined {
  const member = state.members[key];
  if (member === undefined) return undefined;
  if (!member.reachable) return `does not answer (${member.why})`;
  const leader = state.leader === undefined ? undefined : state.members[state.leader];
  if (key === state.leader) return member.state === "running" ? undefined : `leads and is ${member.state}`;
  if (member.state !== "streaming") return `is ${member.state === "running" ? "not streaming" : member.state}`;
  if (leader?.reachable && leader.timeline !== member.timeline)
    return `is on timeline ${member.timeline}, its leader on ${leader.timeline}`;
  return undefined;
}

/** The step takes something away for a while, or for good. */
export function isDisturbing(step: Step): boolean {
  switch (step.kind) {
    case "restart-member":
    case "switchover":
    case "power-cycle":
    case "upgrade-software":
    case "replace-machine":
    case "leave-read-route":
      return true;
    case "leave-patroni":
    case "remove-voter":
      return !step.dead;
    default:
      return false;
  }
}
