export { planCluster } from "./plan";
export type * from "./types";
