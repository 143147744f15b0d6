export { type Change, IMPACTS, type Impact } from "./change";
export { classify } from "./classify";
export type * from "./cluster-state";
export { describeStanding, describeStep, type PlanStyle, renderPlan } from "./format";
export { MOST_LAG_BYTES } from "./order";
export type { Refusal, RefusalCode } from "./refusal";
export { isDisturbing } from "./refusals";
export type * from "./step";
export { type RolloutPlan, rollout, unsettled, type Warning } from "./steps";
