export type { Connection, ReachableMachine } from "./connection";
export { convergeService, installConverge } from "./service";
