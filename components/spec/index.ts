export { bridgeAddress, formatAddress, LAB_RANGE, parseNetwork } from "./addresses";
export { declareCluster, type EqualMembersOptions, equalMembers } from "./declare";
export { type Mistake, SpecError } from "./mistake";
export { PARAMETERS_QUERY, tableDifferences } from "./parameters/compare";
export {
  type ParameterContext,
  type ParameterInfo,
  type ParameterType,
  parameterContext,
  parameterInfo,
  parameterTable,
} from "./parameters/table";
export { parseCluster } from "./parse";
export { megabytes, milliseconds, sizeOf } from "./quantity";
export {
  type RecoveryBounds,
  type RecoveryTimings,
  type RouteTimings,
  recoveryBounds,
  recoveryTimings,
} from "./recovery";
export { packagesFor, type Software, type WantedPackage } from "./software";
export { clusterParameters, memberParameters, tunedParameters } from "./tuning";
export type * from "./types";
export { type Warning, warnings } from "./warnings";
