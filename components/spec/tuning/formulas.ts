/**
 * The formulas. docs/tuning.md explains each with where its numbers come from. Memory is reckoned in MB (of 1024 kB).
 */
import { megabytes, sizeOf } from "../quantity";
import type { MachineSpec } from "../types";
import type { ProfileNumbers } from "./profiles";

/** What the formulas reckon with: one machine's hardware, the profile's numbers, and what the whole cluster has to agree on. */
export interface TuningSubject {
  readonly machine: Pick<MachineSpec, "size" | "disks">;
  readonly profile: ProfileNumbers;
  readonly poolers: number;
  readonly members: number;
  /** What the declaration sets itself, and what the cluster has agreed on: the formulas reckon with it. */
  readonly set: Settings;
}

/** Values that are decided already; memory in MB. */
export interface Settings {
  readonly connections?: number | undefined;
  /** superuser_reserved_connections and reserved_connections together. */
  readonly reserved: number;
  readonly sharedBuffers?: number | undefined;
  readonly maintenance?: number | undefined;
  readonly autovacuumWorkers?: number | undefined;
}

const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most);
const floorTo = (value: number, step: number) => Math.floor(value / step) * step;
const ceilTo = (value: number, step: number) => Math.ceil(value / step) * step;

/** Kept for the system and for what runs beside PostgreSQL: Patroni, etcd, HAProxy, PgBouncer (about 150 MB together when idle). */
const LEAST_RESERVE = 160;

export interface MemoryShares {
  readonly reserve: number;
  readonly sharedBuffers: number;
  readonly maintenance: number;
  readonly autovacuumWorkers: number;
  readonly connections: number;
  readonly workMemory: number;
}

/**
 * Shares memory out so that everything at once fits: reserve + shared_buffers + (autovacuum workers + one manual
 * maintenance) × maintenance_work_mem + connections × work_mem ≤ memory.
 */
export function memoryShares({ machine, profile, poolers, set }: TuningSubject): MemoryShares {
  const memory = megabytes(machine.size.memory);
  const reserve = Math.max(LEAST_RESERVE, Math.ceil(memory / 10));
  const sharedBuffers = set.sharedBuffers ?? Math.floor(memory / 4);
  const maintenance =
    set.maintenance ?? clamp(Math.floor(memory / profile.maintenancePart), 16, profile.mostMaintenance);
  const autovacuumWorkers =
    set.autovacuumWorkers ?? clamp(Math.ceil(machine.size.vcpu / 2) + 1, 2, profile.mostAutovacuum);
  const rest = memory - reserve - sharedBuffers - (autovacuumWorkers + 1) * maintenance;
  const fewest = fewestConnections(poolers, set.reserved);
  const connections =
    set.connections ?? Math.max(fewest, Math.min(floorTo(rest / profile.workMemory, 10), profile.mostConnections));
  const share = rest / connections;
  const workMemory = Math.max(1, share >= 4 ? floorTo(share, 4) : Math.floor(share));
  return { reserve, sharedBuffers, maintenance, autovacuumWorkers, connections, workMemory };
}

/** PostgreSQL's default of superuser_reserved_connections and reserved_connections together. */
const USUALLY_RESERVED = 3;

/**
 * Every pooler machine needs some connections for each of its ports and processes, and some sessions come past the poolers.
 * `reserved`: superuser_reserved_connections and reserved_connections together.
 */
export function fewestConnections(poolers: number, reserved = USUALLY_RESERVED): number {
  return 20 + 20 * poolers + Math.max(0, reserved - USUALLY_RESERVED);
}

/** Parameters of which every member must have the same value. */
export function sharedFormulas(subject: TuningSubject): Record<string, string> {
  const { machine, members } = subject;
  const cpus = Math.ceil(machine.size.vcpu);
  const senders = Math.max(20, ceilTo(members * 2 + 8, 10));
  return {
    max_connections: String(memoryShares(subject).connections),
    max_worker_processes: String(cpus + 8),
    max_wal_senders: String(senders),
    max_replication_slots: String(senders),
    max_locks_per_transaction: "128",
    max_prepared_transactions: "0",
    track_commit_timestamp: "off",
    wal_level: "logical",
    wal_log_hints: "on",
    wal_keep_size: "128MB",
  };
}

/** Parameters that follow from one machine's own hardware. */
export function ownFormulas(subject: TuningSubject): Record<string, string> {
  const { machine, profile } = subject;
  const memory = memoryShares(subject);
  return {
    shared_buffers: sizeOf(memory.sharedBuffers),
    effective_cache_size: sizeOf(Math.floor((megabytes(machine.size.memory) * 3) / 4)),
    work_mem: sizeOf(memory.workMemory),
    maintenance_work_mem: sizeOf(memory.maintenance),
    autovacuum_max_workers: String(memory.autovacuumWorkers),
    autovacuum_vacuum_cost_limit: String(clamp(Math.ceil(machine.size.vcpu) * 200, 200, 2000)),
    ...workers(machine.size.vcpu, profile),
    ...wal(machine),
  };
}

function workers(vcpu: number, profile: ProfileNumbers): Record<string, string> {
  const cpus = Math.ceil(vcpu);
  const parallel = cpus === 1 ? 0 : Math.ceil(cpus * profile.parallelPart);
  return {
    max_parallel_workers: String(parallel),
    max_parallel_workers_per_gather: String(
      Math.min(parallel, Math.ceil(cpus * profile.gatherPart), profile.mostGather),
    ),
    max_parallel_maintenance_workers: String(Math.min(parallel, Math.ceil(cpus * profile.gatherPart), 4)),
  };
}

/** Parts of the disk that the log is on: less where the data is on it too. */
const WAL_PARTS = { ownDisk: { checkpoint: 0.3, slots: 0.4 }, dataDisk: { checkpoint: 0.1, slots: 0.2 } } as const;
/** A segment of the log: sizes of the log are whole segments. */
const SEGMENT = 16;
const MOST_CHECKPOINT_WAL = 64 * 1024;

function wal({ disks }: TuningSubject["machine"]): Record<string, string> {
  const disk = megabytes((disks.wal ?? disks.data).size);
  const parts = disks.wal === undefined ? WAL_PARTS.dataDisk : WAL_PARTS.ownDisk;
  const most = clamp(floorTo(disk * parts.checkpoint, SEGMENT), 2 * SEGMENT, MOST_CHECKPOINT_WAL);
  return {
    max_wal_size: sizeOf(most),
    min_wal_size: sizeOf(clamp(floorTo(most / 4, SEGMENT), 2 * SEGMENT, 4096)),
    max_slot_wal_keep_size: sizeOf(Math.max(2 * SEGMENT, floorTo(disk * parts.slots, SEGMENT))),
  };
}

/** Parameters that follow from the profile alone. */
export function profileParameters(profile: ProfileNumbers): Record<string, string> {
  return {
    autovacuum_analyze_scale_factor: profile.autovacuumAnalyzeScale,
    autovacuum_naptime: "30s",
    autovacuum_vacuum_insert_scale_factor: profile.autovacuumVacuumScale,
    autovacuum_vacuum_scale_factor: profile.autovacuumVacuumScale,
    checkpoint_completion_target: "0.9",
    checkpoint_timeout: profile.checkpointTimeout,
    default_statistics_target: String(profile.statisticsTarget),
    effective_io_concurrency: "200",
    hot_standby_feedback: "on",
    idle_in_transaction_session_timeout: profile.idleInTransaction,
    jit: profile.jit,
    log_autovacuum_min_duration: "10s",
    log_lock_waits: "on",
    log_min_duration_statement: profile.slowStatement,
    log_temp_files: "10MB",
    maintenance_io_concurrency: "200",
    random_page_cost: "1.1",
    shared_preload_libraries: "pg_stat_statements,auto_explain",
    track_io_timing: "on",
    wal_compression: "lz4",
  };
}
