/**
 * A small model of a cluster: the state in which a step that succeeds leaves it. The plan is found by asking again and
 * again what to do next in the state that the last step leaves, so a plan made from any state in between is the rest of
 * the same plan.
 */
import type { LivingCluster, MemberState, ReachableMember } from "./cluster-state";
import { declaredTimings, factsOf, startDefaults } from "./derivation";
import { parametersReset, restored } from "./deviations";
import { bytesOf } from "./fields";
import { asked, type Goal, heldParameters, reachable } from "./goal";
import { declaredTags, inForceAfterStart, madeAsDeclared, newReplica, takesReads, withNewMachine } from "./newcomers";
import { sameValue } from "./parameter-value";
import { acknowledging } from "./standbys";
import { changed, diskGrown, withKey, withMachine, withMember, withSoftware, withVoters } from "./state-edit";
import type { StepAction } from "./step";

/** The state after the step. */
export function predict(goal: Goal, state: LivingCluster, step: StepAction): LivingCluster {
  return settled(goal, apply(goal, state, step));
}

function apply(goal: Goal, state: LivingCluster, step: StepAction): LivingCluster {
  switch (step.kind) {
    case "bootstrap":
    case "preflight":
    case "hba":
    case "reload":
    case "verify":
      return state;
    case "resume-poolers":
      return step.machines.reduce((now, key) => withMachine(now, key, { pooler: "running" }), state);
    case "restore-files":
    case "start-units":
      return restored(goal, state, step);
    case "reset-parameter":
      return parametersReset(goal, state, step.member, step.parameters);
    case "pooler-change":
      return poolersChanged(goal, state, step);
    case "config-apply":
      return configured(goal, state);
    case "durability-change":
      return { ...state, configuration: { ...state.configuration, durability: step.to } };
    case "grow-disk":
      return diskGrown(state, step.machine, step.disk, bytesOf(step.to));
    case "add-voter":
      return withVoters(withNewMachine(goal, state, step.machine), [
        ...state.etcd.members,
        { key: step.machine, healthy: true, learner: true },
      ]);
    case "promote-voter":
      return withVoters(
        state,
        state.etcd.members.map((voter) => (voter.key === step.machine ? { ...voter, learner: false } : voter)),
      );
    case "remove-voter":
      return withVoters(
        state,
        state.etcd.members.filter(({ key }) => key !== step.machine),
      );
    case "seed-member": {
      const made = withNewMachine(goal, state, step.member);
      return {
        ...withMember(made, step.member, newReplica(goal, made, step.member)),
        slots: withKey(state.slots, step.member),
      };
    }
    case "admit-to-reads":
      return changed(state, step.member, { inReadRoute: true });
    case "restart-member":
      return started(goal, state, step.member);
    case "switchover":
      return switchedOver(goal, state, step.from, step.to);
    case "power-cycle":
      return started(goal, withSoftware(resized(goal, state, step.machine), step.machine, step.software), step.machine);
    case "upgrade-software": {
      const upgraded = withSoftware(state, step.machine, step.software);
      // Patroni restarts by itself; PostgreSQL runs on.
      const restarts = step.software.some(({ software }) => software === "postgresql");
      return restarts ? started(goal, upgraded, step.machine) : upgraded;
    }
    case "leave-read-route":
      return changed(state, step.member, { inReadRoute: false });
    case "leave-patroni": {
      const { [step.member]: _, ...members } = state.members;
      return { ...state, members };
    }
    case "drop-slot":
      return { ...state, slots: state.slots.filter((key) => key !== step.member) };
    case "replace-machine":
      return { ...state, machines: { ...state.machines, [step.machine]: madeAsDeclared(goal, step.machine) } };
    case "delete-machine": {
      const { [step.machine]: _, ...machines } = state.machines;
      return { ...state, machines };
    }
  }
}

/** Patroni's and PostgreSQL's own conclusions from a state: who acknowledges commits, and what waits for a restart. */
export function settled(goal: Goal, state: LivingCluster): LivingCluster {
  const sync = acknowledging(state);
  const members: Record<string, MemberState> = { ...state.members };
  for (const [key, member] of reachable(state))
    members[key] = {
      ...member,
      sync: sync.includes(key) ? (state.configuration.durability.mode as "sync" | "quorum") : "async",
      pendingRestart: pending(goal, state, key, member),
    };
  return { ...state, members };
}

/** Parameters that leave the document wait for a restart as well, where PostgreSQL's default is another value. */
export function configured(goal: Goal, state: LivingCluster): LivingCluster {
  const parameters = { ...goal.document, ...heldParameters(goal, state) };
  const removed = Object.keys(state.configuration.parameters).filter((name) => !(name in parameters));
  const members = Object.entries(state.members).map(([key, member]): [string, MemberState] => [
    key,
    member.reachable ? { ...member, pendingRestart: [...member.pendingRestart, ...removed] } : member,
  ]);
  return {
    ...state,
    members: Object.fromEntries(members),
    configuration: { ...state.configuration, parameters, timings: declaredTimings(goal.after) },
  };
}

/**
 * Only what is configured here, or was, can wait: Patroni and PostgreSQL itself set others at start (cluster_name, sizes
 * of buffers that they work out), and these differ from the defaults for ever.
 */
function pending(goal: Goal, state: LivingCluster, key: string, member: ReachableMember): string[] {
  const [cluster, own] = [state.configuration.parameters, goal.own.get(key) ?? {}];
  const defaults = startDefaults(goal.after);
  const atStart = (name: string) => name in defaults || member.pendingRestart.includes(name);
  const names = new Set([
    ...[...Object.keys(cluster), ...Object.keys(own), ...Object.keys(goal.ownBefore.get(key) ?? {})].filter(atStart),
    ...member.pendingRestart,
  ]);
  return [...names]
    .filter((name) => {
      const running = member.parameters[name];
      const value = own[name] ?? cluster[name] ?? defaults[name];
      // Of a parameter that is not known well enough only PostgreSQL's own word counts.
      if (running === undefined || value === undefined) return member.pendingRestart.includes(name);
      return !sameValue(factsOf(goal.after, name), running, value);
    })
    .sort();
}

/** The old leader has stopped and started again as a replica. */
function switchedOver(goal: Goal, state: LivingCluster, from: string, to: string): LivingCluster {
  const timeline = (asked(state, from)?.timeline ?? 0) + 1;
  const next: LivingCluster = {
    ...state,
    leader: to,
    slots: withKey(
      state.slots.filter((key) => key !== to),
      from,
    ),
    members: Object.fromEntries(
      Object.entries(state.members).map(([key, member]) => [key, member.reachable ? { ...member, timeline } : member]),
    ),
  };
  const promoted = changed(next, to, { role: "leader", state: "running", inReadRoute: false, sync: "async" });
  return changed(promoted, from, {
    role: "replica",
    state: "streaming",
    inReadRoute: goal.members.includes(from) && takesReads(goal, from),
    parameters: inForceAfterStart(goal, promoted, from),
    pendingRestart: [],
  });
}

/** Everything on the machine has started again. */
function started(goal: Goal, state: LivingCluster, key: string): LivingCluster {
  const member = asked(state, key);
  return member === undefined
    ? state
    : changed(state, key, { parameters: inForceAfterStart(goal, state, key), pendingRestart: [] });
}

/** The state once the services of all machines have converged: members' own files are as declared, and read. */
export function converged(goal: Goal, state: LivingCluster): LivingCluster {
  const members: Record<string, MemberState> = { ...state.members };
  for (const [key, member] of reachable(state)) {
    if (!goal.members.includes(key)) continue;
    const reads = takesReads(goal, key) && member.inReadRoute;
    members[key] = { ...member, ...declaredTags(goal, key), inReadRoute: reads };
  }
  return { ...state, members };
}

function resized(goal: Goal, state: LivingCluster, key: string): LivingCluster {
  const declared = goal.after.machines[key];
  if (declared === undefined) return state;
  return withMachine(state, key, { vcpu: declared.size.vcpu, memoryBytes: bytesOf(declared.size.memory) });
}

function poolersChanged(
  goal: Goal,
  state: LivingCluster,
  step: Extract<StepAction, { kind: "pooler-change" }>,
): LivingCluster {
  if (step.change === "reload") return state;
  const pooler = step.change === "added" ? "running" : "none";
  return step.machines.reduce((now, key) => withMachine(withNewMachine(goal, now, key), key, { pooler }), state);
}
