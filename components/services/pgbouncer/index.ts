export { pgbouncerBundle, pgbouncerSecrets } from "./bundle";
export { PAUSE_PROGRAM, PGBOUNCER_TARGET, PGBOUNCER_USER, READ_ONLY, READ_WRITE } from "./names";
export { pooling } from "./pooling";
export { fewestConnections, type PoolDemand, type PoolShares, type PortShare, poolShares } from "./pools";
