/** What the planner says: do this next, or it is refused. */
import type { LivingCluster } from "./cluster-state";
import type { Goal } from "./goal";
import type { Refusal } from "./refusal";
import type { StepAction } from "./step";

export type Decision = { readonly do: StepAction } | { readonly refuse: Refusal };

export type Rule = (goal: Goal, state: LivingCluster) => Decision | undefined;
