/**
 * What was changed by hand on machines: files, units, parameters by ALTER SYSTEM. It is put back before anything else is
 * done, one service of one machine at a time, so that every other step finds the machines as it expects them.
 */
import { dynamicConfiguration } from "../../services/patroni/dynamic";
import { planCluster } from "../plan";
import type { ChangedFiles, LivingCluster, StoppedUnit } from "./cluster-state";
import type { Decision } from "./decision";
import { factsOf } from "./derivation";
import { asked, type Goal } from "./goal";
import { inForceAfterStart, newReplica } from "./newcomers";
import { type ParameterValue, sameValue } from "./parameter-value";
import { changed, withKey, withMachine, withMember, withVoters } from "./state-edit";
import type { ParameterSetting, StepAction } from "./step";
import { workOn } from "./work";

/** A service comes after those that it needs. */
const ORDER: readonly string[] = ["base", "etcd", "patroni", "haproxy", "pgbouncer"];

/** The next service of a machine, or the next member, on which something is to be put back. */
export function deviations(goal: Goal, state: LivingCluster): Decision | undefined {
  const machines = Object.keys(goal.after.machines).filter((key) => state.machines[key]?.reachable === true);
  // The leader's is the last, as always.
  const rank = (key: string) => `${key === state.leader ? 1 : 0} ${key}`;
  for (const key of machines.sort((a, b) => (rank(a) < rank(b) ? -1 : 1))) {
    const step = service(goal, state, key) ?? parameters(goal, state, key);
    if (step !== undefined) return { do: step };
  }
  return undefined;
}

function service(goal: Goal, state: LivingCluster, key: string): StepAction | undefined {
  // One that is about to be made anew is on its way out; what it lacks was taken from it by earlier steps.
  if (workOn(goal, state, key).replace.length > 0) return undefined;
  const { files = [], units = [] } = state.machines[key] ?? {};
  for (const name of ORDER) {
    if (!belongs(goal, state, key, name)) continue;
    const deviating = files.find((one) => one.service === name);
    const idle = units.filter((unit) => unit.service === name);
    if (deviating !== undefined) return { kind: "restore-files", machine: key, ...deviating, units: idle };
    if (idle.length > 0) return { kind: "start-units", machine: key, service: name, units: idle };
  }
  return undefined;
}

function parameters(goal: Goal, state: LivingCluster, key: string): StepAction | undefined {
  const otherwise = alteredOtherwise(goal, state, key);
  return otherwise.length === 0 ? undefined : { kind: "reset-parameter", member: key, parameters: otherwise };
}

/** Whether the service is declared on the machine, and is there already: a newcomer's comes with its own steps. */
function belongs(goal: Goal, state: LivingCluster, key: string, service: string): boolean {
  switch (service) {
    case "base":
      return true;
    case "etcd":
      return goal.voters.includes(key) && state.etcd.members.some((voter) => voter.key === key && isToRun(goal, voter));
    case "patroni":
      return goal.members.includes(key);
    default:
      return goal.poolers.includes(key);
  }
}

/**
 * One without its data gives its place up first, and joins anew. One that has just joined is started as its machine
 * converges, for which other turns do not wait; where all machines have, it is started like any other.
 */
function isToRun(goal: Goal, { healthy, learner, dataLost }: LivingCluster["etcd"]["members"][number]): boolean {
  return dataLost !== true && (goal.turn === undefined || healthy || !learner);
}

/**
 * The state with files that a rollout has put in place for a while taken as they should be, for whoever is at work on it.
 * @param isMine Whether the service on the machine is one of that rollout. Default: all are.
 */
export function leavingPassing(
  state: LivingCluster,
  isMine: (machine: string, service: string) => boolean = () => true,
): LivingCluster {
  const machines = Object.entries(state.machines).map(([key, machine]) => [
    key,
    { ...machine, files: machine.files?.filter(({ service, passing }) => !(passing && isMine(key, service))) },
  ]);
  return { ...state, machines: Object.fromEntries(machines) };
}

/** Whether a unit of the service on the machine stands still that the plan starts again: it does not come back by itself. */
export function isStopped(state: LivingCluster, key: string, service: string): boolean {
  return (state.machines[key]?.units ?? []).some((unit) => unit.service === service && unit.active !== "running");
}

/** What ALTER SYSTEM has set on the member and is not what it shall have, sorted by name. */
function alteredOtherwise(goal: Goal, state: LivingCluster, key: string): ParameterSetting[] {
  const altered = asked(state, key)?.altered ?? {};
  if (!goal.members.includes(key)) return [];
  return Object.keys(altered)
    .sort()
    .flatMap((name) => {
      const [from, to] = [altered[name] as string, wanted(goal, key, name)];
      const facts = factsOf(goal.after, name);
      const target = to ?? facts?.boot;
      if (target !== undefined && sameValue(facts, from, target)) return [];
      // Text may hold a secret: a command with a password, say.
      const plain = facts !== undefined && facts.vartype !== "string";
      return [{ name, from: plain ? from : undefined, to: plain && to !== undefined ? String(to) : undefined }];
    });
}

/** What is written for the member, by the declaration or by the program itself. undefined: nothing is. */
function wanted(goal: Goal, key: string, name: string): ParameterValue | undefined {
  return goal.declared.get(key)?.[name] ?? dynamicConfiguration(planCluster(goal.after)).postgresql.parameters[name];
}

/** The state once a service's files are back and its units run. */
export function restored(
  goal: Goal,
  state: LivingCluster,
  { machine: key, service, units }: { machine: string; service: string; units: readonly StoppedUnit[] },
): LivingCluster {
  const without = <T extends ChangedFiles | StoppedUnit>(all: readonly T[] | undefined) =>
    all?.filter((one) => one.service !== service);
  const { files, units: idle } = state.machines[key] ?? {};
  const next = withMachine(state, key, { files: without(files), units: without(idle) });
  if (units.every(({ active }) => active === "running")) return next;
  switch (service) {
    case "etcd":
      return withVoters(
        next,
        next.etcd.members.map((voter) => (voter.key === key ? { ...voter, healthy: true } : voter)),
      );
    case "patroni":
      return memberStarted(goal, next, key);
    case "haproxy":
    case "pgbouncer":
      return next.machines[key]?.pooler === "stopped" ? withMachine(next, key, { pooler: "running" }) : next;
    default:
      return next;
  }
}

/** Patroni takes over a PostgreSQL that still runs as it is, and starts one that does not. */
function memberStarted(goal: Goal, state: LivingCluster, key: string): LivingCluster {
  if (asked(state, key) !== undefined) return state;
  const replica = newReplica(goal, state, key);
  if (key !== state.leader) return { ...withMember(state, key, replica), slots: withKey(state.slots, key) };
  return withMember(state, key, {
    ...replica,
    role: "leader",
    state: "running",
    parameters: inForceAfterStart(goal, state, key),
  });
}

/** The state once the parameters are reset and read again: those that are read at start wait for one. */
export function parametersReset(
  goal: Goal,
  state: LivingCluster,
  member: string,
  parameters: readonly ParameterSetting[],
): LivingCluster {
  const present = asked(state, member);
  if (present === undefined) return state;
  const reset = new Set(parameters.map(({ name }) => name));
  const altered = Object.fromEntries(Object.entries(present.altered ?? {}).filter(([name]) => !reset.has(name)));
  const waiting = [...reset].filter((name) => {
    const facts = factsOf(goal.after, name);
    const [running, target] = [present.parameters[name], wanted(goal, member, name) ?? facts?.boot];
    if (facts?.context !== "postmaster" || running === undefined || target === undefined) return false;
    return !sameValue(facts, running, target);
  });
  return changed(state, member, { altered, pendingRestart: [...new Set([...present.pendingRestart, ...waiting])] });
}
