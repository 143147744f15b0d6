import * as pulumi from "@pulumi/pulumi";
import { type SshPool, withSsh } from "../operate/ssh";
import { describeStep, type RolloutPlan, renderPlan, rollout } from "../plan/change";
import { type ClusterSpec, warnings } from "../spec";
import { look } from "./look";
import type { PreviousRun } from "./previous";
import { withSources } from "./sources";
import { besideTransition } from "./transition";

/** A machine that does not answer within this time, in ms, is reported as not answering. */
const CONNECT_TIMEOUT_MS = 2000;

/**
 * Looks at the living cluster, plans the way from it to the declaration, and shows the plan beside Pulumi's own diff, and
 * what the declaration itself gives cause to warn of.
 * @throws Error when the change is refused, and, in an update, when the cluster could not be seen: `up` does not guess.
 */
export async function reviewChange(previous: PreviousRun | undefined, after: ClusterSpec): Promise<RolloutPlan> {
  for (const { path, text } of warnings(after)) await pulumi.log.warn(`${path}: ${text}`);
  const plan = await planChange(previous, after);
  if (previous === undefined) return plan;
  const text = renderPlan(plan, { color: process.stdout.isTTY === true });
  const blocked = !plan.executable && (plan.refusals.length > 0 || !pulumi.runtime.isDryRun());
  if (blocked) throw new pulumi.RunError(text);
  if (plan.changes.length > 0 || plan.steps.length > 0 || !plan.executable) await pulumi.log.info(text);
  return plan;
}

async function planChange(previous: PreviousRun | undefined, after: ClusterSpec): Promise<RolloutPlan> {
  if (previous === undefined) return rollout(undefined, after, { kind: "absent" });
  const { spec: before, access } = previous;
  const work = async (pool: SshPool): Promise<RolloutPlan> => {
    const state = besideTransition(before, after, (await look(pool, after)).state);
    const plan = rollout(before, after, state);
    if (state.kind !== "living") return plan;
    const known = await withSources(pool, after, state, plan);
    return known === state ? plan : rollout(before, after, known);
  };
  return withSsh(access, work, { connectTimeoutMs: CONNECT_TIMEOUT_MS });
}

/** The steps that the conductor does itself, in words; its own inputs, so that a preview shows them on its row. */
export function conductorSteps(plan: RolloutPlan): string[] {
  return plan.steps
    .filter(({ by, kind }) => by === "conductor" && kind !== "preflight" && kind !== "verify")
    .map(describeStep);
}
