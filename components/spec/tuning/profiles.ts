/** The numbers in which the profiles differ. */
import type { Profile } from "../types";

export interface ProfileNumbers {
  /** work_mem (MB) up to which more memory means more connections; beyond the most connections it means more work_mem. */
  readonly workMemory: number;
  /** Most connections that are given, however much memory there is. Clients beyond them wait in PgBouncer. */
  readonly mostConnections: number;
  /** One out of so many parts of memory for maintenance_work_mem. */
  readonly maintenancePart: number;
  /** Largest maintenance_work_mem, MB. */
  readonly mostMaintenance: number;
  /** Part of the CPUs that parallel queries may use together, and one query alone. */
  readonly parallelPart: number;
  readonly gatherPart: number;
  /** Most workers of one query. */
  readonly mostGather: number;
  /** Most autovacuum workers. */
  readonly mostAutovacuum: number;
  readonly checkpointTimeout: string;
  readonly autovacuumVacuumScale: string;
  readonly autovacuumAnalyzeScale: string;
  readonly statisticsTarget: number;
  readonly jit: "on" | "off";
  /** Statements that take longer are logged. */
  readonly slowStatement: string;
  readonly idleInTransaction: string;
}

export const PROFILES: Readonly<Record<Profile, ProfileNumbers>> = {
  oltp: {
    workMemory: 8,
    mostConnections: 500,
    maintenancePart: 32,
    mostMaintenance: 2048,
    parallelPart: 0.5,
    gatherPart: 0.25,
    mostGather: 2,
    mostAutovacuum: 6,
    checkpointTimeout: "15min",
    autovacuumVacuumScale: "0.05",
    autovacuumAnalyzeScale: "0.025",
    statisticsTarget: 100,
    jit: "off",
    slowStatement: "500ms",
    idleInTransaction: "10min",
  },
  mixed: {
    workMemory: 16,
    mostConnections: 300,
    maintenancePart: 32,
    mostMaintenance: 2048,
    parallelPart: 0.5,
    gatherPart: 0.25,
    mostGather: 4,
    mostAutovacuum: 6,
    checkpointTimeout: "15min",
    autovacuumVacuumScale: "0.05",
    autovacuumAnalyzeScale: "0.025",
    statisticsTarget: 100,
    jit: "off",
    slowStatement: "1s",
    idleInTransaction: "10min",
  },
  olap: {
    workMemory: 64,
    mostConnections: 100,
    maintenancePart: 16,
    mostMaintenance: 8192,
    parallelPart: 1,
    gatherPart: 0.5,
    mostGather: 16,
    mostAutovacuum: 4,
    checkpointTimeout: "30min",
    autovacuumVacuumScale: "0.1",
    autovacuumAnalyzeScale: "0.05",
    statisticsTarget: 500,
    jit: "on",
    slowStatement: "10s",
    idleInTransaction: "1h",
  },
  small: {
    workMemory: 4,
    mostConnections: 100,
    maintenancePart: 32,
    mostMaintenance: 256,
    parallelPart: 0.5,
    gatherPart: 0.25,
    mostGather: 1,
    mostAutovacuum: 2,
    checkpointTimeout: "5min",
    autovacuumVacuumScale: "0.1",
    autovacuumAnalyzeScale: "0.05",
    statisticsTarget: 100,
    jit: "off",
    slowStatement: "1s",
    idleInTransaction: "10min",
  },
};
