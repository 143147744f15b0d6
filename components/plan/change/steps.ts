/** The whole way from a state of the cluster to what is declared. */
import type { ClusterSpec } from "../../spec";
import type { Change } from "./change";
import { classify } from "./classify";
import type { ClusterState, LivingCluster, UnknownPart } from "./cluster-state";
import { decide } from "./decide";
import { declarationRefusals, lastMember } from "./declaration-refusals";
import { isStopped } from "./deviations";
import { asked, type Goal, goalOf } from "./goal";
import { isDisturbing, unwell, unwellMachines } from "./health";
import { MOST_LAG_BYTES } from "./order";
import { converged, predict } from "./predict";
import type { Refusal } from "./refusal";
import { softwareNotices } from "./software-gate";
import { STARTING, standingDuring } from "./standing";
import { stateRefusals } from "./state-refusals";
import type { Actor, Step, StepAction } from "./step";
import { isTurnOf, type Turn } from "./turn";
import { missingFacts, workOn } from "./work";

export interface Warning {
  /** `durability`: less is promised about commits afterwards. */
  readonly kind: "durability" | "notice";
  readonly text: string;
}

export interface RolloutPlan {
  /** Name of the cluster. */
  readonly cluster: string;
  readonly changes: readonly Change[];
  /** In order; empty when there is nothing to do, or when it is refused or unknown. */
  readonly steps: readonly Step[];
  readonly refusals: readonly Refusal[];
  readonly warnings: readonly Warning[];
  /** What could not be seen and has to be known: the plan is not carried out while there is any. */
  readonly unknown: readonly UnknownPart[];
  /** Nothing stands against carrying it out (also when there is nothing to do). */
  readonly executable: boolean;
}

/**
 * Plans the way from a state to a declaration. Pure; the same arguments give the same plan, and a plan made from the
 * state that some of its steps have left holds the other ones. A conductor therefore may plan again after each step.
 *
 * @param before What the last finished update declared; undefined: none has finished yet.
 * @param turn Plans up to there: for whoever does the rest.
 */
export function rollout(
  before: ClusterSpec | undefined,
  after: ClusterSpec,
  state: ClusterState,
  turn?: Turn,
): RolloutPlan {
  const impossible = lastMember(after);
  // Nothing can be reckoned for a cluster that nobody leads.
  if (impossible.length > 0)
    return {
      cluster: after.name,
      changes: [],
      steps: [],
      refusals: impossible,
      warnings: [],
      unknown: [],
      executable: false,
    };
  const changes = classify(before, after);
  const refusals = declarationRefusals(after, changes);
  const unconfirmed = refusals.some(({ code }) => code === "weaker-durability");
  const warnings = unconfirmed ? [] : declarationWarnings(changes);
  const plan = { cluster: after.name, changes, warnings, unknown: [] };
  if (state.kind === "unreachable") {
    const unknown = state.reasons.map((why) => ({ what: "who leads, and how the members are", why }));
    return { ...plan, steps: [], refusals, unknown, executable: false };
  }
  if (refusals.length > 0) return { ...plan, steps: [], refusals, executable: false };
  const goal = { ...goalOf(before, after), turn };
  if (state.kind === "absent") return { ...plan, steps: firstDeployment(goal), refusals, executable: true };
  return { ...plan, ...livingPlan(goal, state, changes, plan.warnings) };
}

function livingPlan(
  goal: Goal,
  state: LivingCluster,
  changes: readonly Change[],
  warnings: readonly Warning[],
): Pick<RolloutPlan, "steps" | "refusals" | "warnings" | "unknown" | "executable"> {
  const early = stateRefusals(goal, state);
  const missing = missingParts(goal, state);
  const unknown = [...state.unknown.filter((part) => matters(goal, state, part)), ...missing];
  if (early.length > 0) return { steps: [], refusals: early, warnings, unknown, executable: false };
  const [steps, refusal] = unfold(goal, state, changes);
  const refusals = refusal === undefined ? unwellMachines(goal, state, steps) : [refusal];
  const blocked = refusals.length > 0 || missing.length > 0 || (unknown.length > 0 && steps.some(isDisturbing));
  return {
    steps: refusals.length > 0 ? [] : framed(goal, state, steps),
    refusals,
    warnings: [...warnings, ...stateWarnings(goal, state, steps)],
    unknown: steps.length === 0 ? missing : unknown,
    executable: !blocked,
  };
}

/** More steps than any plan has: a plan that does not end is a mistake in this program. */
const MOST_STEPS = 2000;

/** Asks for the next step again and again, in the state that the last one leaves. */
function unfold(goal: Goal, start: LivingCluster, changes: readonly Change[]): [Step[], Refusal | undefined] {
  let state = converged(goal, start);
  const steps: Step[] = convergeSteps(goal, state, changes).map((action) => complete(state, action));
  for (;;) {
    const decision = decide(goal, state);
    if (decision === undefined) return [steps, undefined];
    if ("refuse" in decision) return [steps, decision.refuse];
    if (steps.length >= MOST_STEPS) throw new Error(`the plan does not end; last step: ${JSON.stringify(decision.do)}`);
    const step = complete(state, decision.do);
    steps.push(step);
    if (goal.turn !== undefined && isTurnOf(goal.turn, step)) return [steps, undefined];
    state = predict(goal, state, decision.do);
  }
}

/** What the services' own converge does with members' files, pg_hba and poolers, before the conductor's turn. */
function convergeSteps(goal: Goal, state: LivingCluster, changes: readonly Change[]): StepAction[] {
  const steps: StepAction[] = [];
  const staying = goal.members.filter((key) => state.members[key] !== undefined);
  if (changes.some(({ path }) => path === "hba")) steps.push({ kind: "hba", members: staying });
  const own = changes.filter(({ path, impact }) => impact === "reload" && /^machines\.[^.]+\.member\./.test(path));
  if (own.length > 0)
    steps.push({
      kind: "reload",
      members: [...new Set(own.flatMap(({ machines }) => machines ?? []))].sort(),
      what: [...new Set(own.map(({ path }) => path.split(".").at(-1) as string))].sort(),
    });
  const added = goal.poolers.filter((key) => (state.machines[key]?.pooler ?? "none") === "none");
  const fresh = added.filter((key) => state.machines[key] !== undefined || !isMadeForMore(goal, key));
  if (fresh.length > 0) steps.push({ kind: "pooler-change", machines: fresh, change: "added", what: [] });
  const touched = changes.filter(({ impact, path }) => impact === "pooler-reload" || path === "recovery");
  const reloading = goal.poolers.filter((key) => !added.includes(key));
  if (touched.length > 0 && reloading.length > 0)
    steps.push({
      kind: "pooler-change",
      machines: reloading,
      change: "reload",
      what: touched.map(({ path }) => path.split(".").at(-1) as string).sort(),
    });
  return steps;
}

/** A new machine's pooler is set up with it; it is a step of its own only where nothing else comes with the machine. */
function isMadeForMore(goal: Goal, key: string): boolean {
  return goal.members.includes(key) || goal.voters.includes(key);
}

function complete(state: LivingCluster, action: StepAction): Step {
  return { ...action, by: actor(action), standing: standingDuring(state, action) };
}

function actor(action: StepAction): Actor {
  switch (action.kind) {
    case "hba":
    case "reload":
    case "bootstrap":
      return "converge";
    case "pooler-change":
      return action.change === "drained" ? "conductor" : "converge";
    case "power-cycle":
    case "grow-disk":
    case "replace-machine":
    case "delete-machine":
      return "platform";
    default:
      return "conductor";
  }
}

/** Preflight before the first step that the conductor does, verification after the last. */
function framed(goal: Goal, state: LivingCluster, steps: readonly Step[]): Step[] {
  if (goal.turn !== undefined || steps.every(({ by }) => by === "converge")) return [...steps];
  const first = steps.findIndex(({ by }) => by !== "converge");
  const end = steps.reduce((now, step) => predict(goal, now, step), converged(goal, state));
  return [
    ...steps.slice(0, first),
    complete(state, { kind: "preflight", checks: preflightChecks(state) }),
    ...steps.slice(first),
    complete(end, { kind: "verify", checks: finalChecks(goal) }),
  ];
}

function preflightChecks(state: LivingCluster): string[] {
  const replicas = Object.keys(state.members)
    .filter((key) => key !== state.leader && state.members[key]?.reachable)
    .sort();
  const voters = state.etcd.members.filter(({ learner }) => !learner);
  const healthy = voters.filter((voter) => voter.healthy).length;
  return [
    `${state.leader} leads`,
    ...(replicas.length === 0 ? [] : [`${replicas.join(", ")} stream${replicas.length === 1 ? "s" : ""}`]),
    `etcd has ${healthy} of ${voters.length} voters healthy`,
    "no other run is at work",
  ];
}

function finalChecks(goal: Goal): string[] {
  const replicas = goal.members.length - 1;
  return [
    replicas === 0 ? "one member leads" : `one member leads, ${replicas} stream${replicas === 1 ? "s" : ""} from it`,
    "nothing waits for a restart",
    "Patroni's configuration is as declared",
    `etcd has ${goal.voters.length} of ${goal.voters.length} voters healthy`,
  ];
}

function firstDeployment(goal: Goal): Step[] {
  const members = [...goal.members];
  const actions: StepAction[] = [
    { kind: "bootstrap", members, voters: [...goal.voters] },
    { kind: "verify", checks: finalChecks(goal) },
  ];
  return actions.map((action) => ({ ...action, by: actor(action), standing: STARTING }));
}

/** What a machine does not tell that is dead and goes, or comes back made anew, nobody needs to know. */
function matters(goal: Goal, state: LivingCluster, { machine }: UnknownPart): boolean {
  if (machine === undefined || state.machines[machine]?.reachable !== false) return true;
  return goal.after.machines[machine] !== undefined && workOn(goal, state, machine).replace.length === 0;
}

/** Facts about machines on which it depends whether they have to be touched. */
function missingParts(goal: Goal, state: LivingCluster): UnknownPart[] {
  return Object.keys(goal.after.machines)
    .sort()
    .flatMap((key) => missingFacts(goal, state, key))
    .map((what) => ({ what, why: "the machine answers, but does not tell" }));
}

function declarationWarnings(changes: readonly Change[]): Warning[] {
  return changes
    .filter(({ weakensDurability }) => weakensDurability)
    .map(({ path, from, to, reason }) => ({
      kind: "durability",
      text: `${path} ${from} to ${to} weakens durability. ${reason}`,
    }));
}

function stateWarnings(goal: Goal, state: LivingCluster, steps: readonly Step[]): Warning[] {
  const warnings: Warning[] = [];
  const notice = (text: string) => warnings.push({ kind: "notice", text });
  if (state.unfinished?.run === "gone")
    notice(
      `an earlier run (${state.unfinished.owner}) stopped during "${state.unfinished.step}"; this plan goes on from what it left`,
    );
  for (const text of softwareNotices(goal, state, steps)) notice(text);
  const pauses = steps.some(({ standing }) => standing.writes.kind === "pause");
  if (pauses)
    for (const { member, pid, ageSeconds, user, application } of state.longTransactions)
      notice(
        `a transaction on ${member} has been open for ${Math.round(ageSeconds)} s (pid ${pid}, ${[user, application].filter(Boolean).join(", ")}); writes are not paused until it ends, and after a while the step is given up`,
      );
  for (const key of Object.keys(state.members).sort()) {
    const member = asked(state, key);
    if (member !== undefined && key !== state.leader && member.receiveLagBytes > MOST_LAG_BYTES)
      notice(`${key} has yet to receive ${Math.ceil(member.receiveLagBytes / 1024 ** 2)}MB of the log`);
  }
  if (steps.some((step) => step.standing.etcdMayLose < 0))
    notice(
      "etcd has one voter: while its machine is away nobody can lead, and writes wait; three voters would bear it",
    );
  return warnings;
}

/**
 * What a cluster that is being changed still has to settle before its next step: members that are not back yet. Empty:
 * it is calm. For a conductor that waits between steps. What was stopped by hand, and voters of unknown machines, do not
 * come back by waiting: they are the plan's business.
 */
export function unsettled(after: ClusterSpec, state: ClusterState): string[] {
  if (state.kind === "absent") return ["no cluster has been initialised"];
  if (state.kind === "unreachable") return [...state.reasons];
  const members = goalOf(undefined, after).members.filter((key) => state.members[key] !== undefined);
  const unwellOnes = members.flatMap((key) => {
    if (isStopped(state, key, "patroni")) return [];
    const why = unwell(state, key);
    return why === undefined ? [] : [`${key} ${why}`];
  });
  const sick = state.etcd.members
    .filter(({ healthy, dataLost }) => !healthy && !dataLost)
    .filter(({ key }) => state.machines[key] !== undefined && !isStopped(state, key, "etcd"))
    .map(({ key }) => `etcd on ${key} is not healthy`);
  return [...(state.leader === undefined ? ["no member leads"] : []), ...unwellOnes, ...sick];
}
