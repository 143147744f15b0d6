/** A plan as a DBA reads it: what changes and what that does, the steps in order, what stays standing, what stands against it. */
import { changeBlock } from "./format-changes";
import { stepBlock } from "./format-steps";
import { count, type Painter, painter, wrapped } from "./format-text";
import type { Refusal } from "./refusal";
import type { RolloutPlan } from "./steps";

export interface PlanStyle {
  /** Colour what weakens durability or is refused, with ANSI escapes. Default false. */
  readonly color?: boolean;
}

/** The whole plan, several lines, without a newline at the end. */
export function renderPlan(plan: RolloutPlan, style: PlanStyle = {}): string {
  const paint = painter(style.color === true);
  const blocks = [
    [paint.bold(`Cluster ${plan.cluster}: ${summary(plan)}`)],
    refusalBlock(plan.refusals, paint),
    unknownBlock(plan, paint),
    changeBlock(plan.changes, paint),
    stepBlock(plan.steps, paint),
    warningBlock(plan, paint),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

function summary(plan: RolloutPlan): string {
  if (plan.refusals.length > 0) return `refused, nothing will be done`;
  if (plan.unknown.length > 0 && !plan.executable) return "it could not be seen well enough; an update does not guess";
  if (plan.steps.length === 0) {
    return plan.changes.length === 0 ? "as declared, nothing to do" : "nothing on it moves";
  }
  if (plan.steps.some(({ kind }) => kind === "bootstrap")) return "will be created";
  const pauses = plan.steps.flatMap(({ standing }) =>
    standing.writes.kind === "pause" ? [standing.writes.seconds] : [],
  );
  const steps = count(plan.steps.length, "step");
  if (pauses.length === 0) return `${steps}, writes go on throughout`;
  const times = pauses.length === 1 ? "once" : `${pauses.length} times`;
  return `${steps}, writes pause ${times}, for about ${Math.max(...pauses)} s${pauses.length === 1 ? "" : " at most"}`;
}

function refusalBlock(refusals: readonly Refusal[], paint: Painter): string[] {
  if (refusals.length === 0) return [];
  return [
    paint.bold("Refused"),
    ...refusals.flatMap(({ subject, reason, advice }) => [
      ...wrapped(`${subject}: ${reason}`, "  ").map(paint.red),
      ...wrapped(`To do: ${advice}`, "      "),
    ]),
  ];
}

function unknownBlock(plan: RolloutPlan, paint: Painter): string[] {
  if (plan.unknown.length === 0) return [];
  return [paint.bold("Not known"), ...plan.unknown.map(({ what, why }) => `  ${what}: ${why}`)];
}

function warningBlock(plan: RolloutPlan, paint: Painter): string[] {
  if (plan.warnings.length === 0) return [];
  return [
    paint.bold("Warnings"),
    ...plan.warnings.flatMap(({ kind, text }) => {
      const lines = wrapped(text, "  ");
      return kind === "durability" ? lines.map(paint.red) : lines;
    }),
  ];
}
