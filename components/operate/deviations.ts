/** What an observation shows of changes by hand on machines, in the words of the plan: pure. */
import type { ChangedFiles, StoppedUnit } from "../plan/change/cluster-state";
import type { MachineObservation, Observation, Problem, UnitState } from "./observation";

/** Services whose files are not as the machine was given them. */
export function changedFiles(machine: MachineObservation): ChangedFiles[] {
  return Object.entries(machine.files ?? {}).flatMap(([service, { state, deviating }]) => {
    const passing = state === "passing";
    return passing || deviating.length > 0 ? [{ service, passing, files: deviating }] : [];
  });
}

/**
 * Units that do not run and will not by themselves, or that no boot would start. Only of services that the machine was
 * given, and not while one is being converged: it may just be about to start.
 */
export function stoppedUnits(machine: MachineObservation): StoppedUnit[] {
  return (machine.units ?? []).flatMap((unit) => {
    const service = serviceOf(unit.unit);
    const files = machine.files?.[service];
    if (files === undefined || files.state === "busy" || unit.queued) return [];
    const { active, boot } = standing(unit);
    return active === "running" && boot === "enabled" ? [] : [{ unit: unit.unit, service, active, boot }];
  });
}

function standing({ active, enabled }: UnitState): Pick<StoppedUnit, "active" | "boot"> {
  return {
    // "activating" and the like: on its way.
    active: active === "inactive" ? "stopped" : active === "failed" ? "failed" : "running",
    boot: /^masked/.test(enabled) ? "masked" : /^(disabled|enabled-runtime)$/.test(enabled) ? "disabled" : "enabled",
  };
}

/** "pgbouncer-rw@1" belongs to "pgbouncer". */
function serviceOf(unit: string): string {
  return /^[a-z]+/.exec(unit)?.[0] ?? unit;
}

/** The unit that has to run for a part to be told, by the names that an observation gives its problems. */
const TELLER: Readonly<Record<string, string>> = {
  PostgreSQL: "patroni",
  "state of Patroni": "patroni",
  "topology by Patroni": "patroni",
  "dynamic configuration": "patroni",
  "health of etcd": "etcd",
  "members of etcd": "etcd",
  PgBouncer: "pgbouncer",
  "routes of HAProxy": "haproxy",
};

/** Whether something was not told because the service that would tell it is stopped, or yet to come: that is no riddle. */
export function isStoppedThere(seen: Observation, { where, what }: Problem): boolean {
  const [machine, service] = [seen.machines.find(({ key }) => key === where), TELLER[what]];
  if (machine === undefined || service === undefined) return false;
  return !isGiven(machine, service) || stoppedUnits(machine).some((unit) => unit.service === service && isIdle(unit));
}

/** Whether clients may be on the machine's pooler: it has been set up, and not been emptied to go. */
export function hasPooler(machine: MachineObservation): boolean {
  if (!machine.roles.includes("pooler") || !isGiven(machine, "pgbouncer")) return false;
  return !stoppedUnits(machine).some((unit) => unit.unit === "pgbouncer.target" && isIdle(unit));
}

/** Whether the machine was given the service. One that does not tell is taken to have all. */
function isGiven({ files }: MachineObservation, service: string): boolean {
  return files === null || files[service] !== undefined;
}

function isIdle({ active }: StoppedUnit): boolean {
  return active !== "running";
}
