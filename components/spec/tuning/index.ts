/** PostgreSQL's parameters of a cluster: tuned by hardware and profile, overridden by the declaration. */

import { bytesOf } from "../parameters/value";
import { megabytes } from "../quantity";
import type { ClusterSpec, MachineSpec } from "../types";
import { ownFormulas, profileParameters, type Settings, sharedFormulas, type TuningSubject } from "./formulas";
import { PROFILES } from "./profiles";

type Parameters = Record<string, string>;

/**
 * Parameters tuned for one member's machine, the declaration's own ones over them, sorted by name. Those on which all members must
 * agree follow from the smallest machine that may lead.
 */
export function tunedParameters(spec: ClusterSpec, machine: MachineSpec): Parameters {
  const base = subject(spec, smallest(spec));
  const shared = sharedFormulas(base);
  const own = ownFormulas({
    ...subject(spec, machine),
    set: { ...base.set, connections: Number(spec.postgresql.parameters.max_connections ?? shared.max_connections) },
  });
  return sorted({ ...profileParameters(base.profile), ...shared, ...own, ...spec.postgresql.parameters });
}

/**
 * Parameters of the whole cluster, for Patroni's dynamic configuration: those of the smallest machine that may lead, and
 * everything that the declaration sets. Sorted by name.
 */
export function clusterParameters(spec: ClusterSpec): Parameters {
  return tunedParameters(spec, smallest(spec));
}

/** What one member has different from `clusterParameters`, for its local configuration: empty where all machines are equal. */
export function memberParameters(spec: ClusterSpec, machine: MachineSpec): Parameters {
  const cluster = clusterParameters(spec);
  return Object.fromEntries(
    Object.entries(tunedParameters(spec, machine)).filter(([name, value]) => cluster[name] !== value),
  );
}

/** The smallest machine that may lead: by memory, then CPUs, then the log's disk, then key. */
function smallest(spec: ClusterSpec): MachineSpec {
  const ranked = Object.values(spec.machines)
    .filter(({ member }) => member !== false && member.mayLead)
    .map((machine) => ({ machine, rank: rankOf(machine) }));
  const [first, ...others] = ranked;
  if (first === undefined) throw new Error("no member may lead: the parser let it through");
  return others.reduce((least, each) => (precedes(each.rank, least.rank) ? each : least), first).machine;
}

function rankOf({ size, disks }: MachineSpec): readonly number[] {
  return [megabytes(size.memory), size.vcpu, megabytes((disks.wal ?? disks.data).size)];
}

function precedes(a: readonly number[], b: readonly number[]): boolean {
  const index = a.findIndex((value, i) => value !== b[i]);
  return index >= 0 && (a[index] as number) < (b[index] as number);
}

function subject(spec: ClusterSpec, machine: MachineSpec): TuningSubject {
  const members = Object.values(spec.machines).filter(({ member }) => member !== false);
  return {
    machine,
    profile: PROFILES[spec.postgresql.profile],
    poolers: spec.poolers.machines.length,
    members: members.length,
    set: settings(spec),
  };
}

function settings({ postgresql: { version, parameters } }: ClusterSpec): Settings {
  const count = (name: string) => (parameters[name] === undefined ? undefined : Number(parameters[name]));
  const memory = (name: string) =>
    parameters[name] === undefined ? undefined : Math.ceil(bytesOf(version, name, parameters[name]) / 1024 ** 2);
  return {
    connections: count("max_connections"),
    reserved: (count("superuser_reserved_connections") ?? 3) + (count("reserved_connections") ?? 0),
    sharedBuffers: memory("shared_buffers"),
    maintenance: memory("maintenance_work_mem"),
    autovacuumWorkers: count("autovacuum_max_workers"),
  };
}

function sorted(record: Parameters): Parameters {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
