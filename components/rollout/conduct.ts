/**
 * Brings a living cluster towards its declaration: looks, asks the plan for the next step, does it, and looks again. It
 * keeps no list of its own: whatever another run did already, or undid, the next look shows.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type ClusterAccess, machinesWith } from "../operate/access";
import { becomeConductor, type Conductor } from "../operate/conductor";
import { OperateError } from "../operate/errors";
import { type JsonObject, postReload, putConfig } from "../operate/patroni";
import { takeBack } from "../operate/reads";
import { type SshPool, withSsh } from "../operate/ssh";
import {
  asIfGrown,
  asIfMade,
  type ClusterState,
  describeStep,
  isDisturbing,
  isMachineWork,
  isToBeRemade,
  isTurnOf,
  type RolloutPlan,
  renderPlan,
  rollout,
  type Step,
  type Turn,
  unsettled,
} from "../plan/change";
import type { ClusterSpec } from "../spec";
import { act } from "./act";
import { documentInTheEnd, documentThatAdmits } from "./document";
import { type Look, look } from "./look";
import { bytesSent } from "./seeding";
import { besideTransition, enterTransition, leaveTransition } from "./transition";

export interface Rollout {
  readonly access: ClusterAccess;
  /** What the last finished update declared. */
  readonly before: ClusterSpec | undefined;
  readonly after: ClusterSpec;
  /** Gets a line for each step that is done, and for whatever else should be known afterwards. */
  readonly say: (line: string) => void;
  /** Gets lines that tell what is happening right now. */
  readonly show: (line: string) => void;
  /**
   * Stops in front of this machine's work, or when etcd knows this voter; where the plan has no such step, nothing is done.
   * Default: at the end.
   */
  readonly turn?: Turn;
}

/** What was done. */
export interface Done {
  readonly steps: number;
  readonly seconds: number;
  /** Keys of declared machines that do not answer: nothing that was done concerned them. */
  readonly away: readonly string[];
}

/** Members that are coming back get this long without any change, in ms, before the rollout gives up. */
const SETTLE_MS = 180_000;

/** No plan has the same step more often. */
const MOST_TIMES = 10;

/** @throws OperateError: at the first failure, with the state that it leaves and the way on. */
export function conduct(work: Rollout): Promise<Done> {
  return withSsh(work.access, async (pool) => {
    const conductor = await becomeConductor(pool);
    try {
      return await steps(pool, conductor, work);
    } finally {
      await conductor.release();
    }
  });
}

async function steps(pool: SshPool, conductor: Conductor, work: Rollout): Promise<Done> {
  const began = performance.now();
  let count = 0;
  let away: readonly string[] = [];
  const done = (): Done => ({ steps: count, seconds: (performance.now() - began) / 1000, away });
  /** Machines whose turn, contrary to what was planned, would come before that of the one which is being worked on. */
  const later: string[] = [];
  /** Machines on which nothing is left: they go after the conductor, when all of them have nothing left. */
  const empty: string[] = [];
  const times = new Map<string, number>();
  let ready = await makeReady(pool, work);
  for (;;) {
    conductor.lost.throwIfAborted();
    const state = seenBy(work, withoutMachines(await settled(pool, work), empty), later);
    away = silent(state).filter((key) => work.after.machines[key] !== undefined);
    // Nobody led at first: now somebody does.
    if (!ready) ready = await makeReady(pool, work);
    const plan = executable(work, state);
    const step = plan.steps.find(({ by, kind }) => by !== "converge" && kind !== "preflight" && kind !== "verify");
    if (step === undefined || state.kind !== "living") break;
    const { turn } = work;
    if (turn !== undefined && !plan.steps.some((planned) => isTurnOf(turn, planned))) return done();
    const stopHere = turn !== undefined && isTurnOf(turn, step);
    if (stopHere && turn.for === "work") return done();
    if (step.by === "platform") {
      // A machine that leaves goes after the conductor; any other work on a machine has its turn before.
      if (step.kind === "delete-machine") {
        empty.push(step.machine);
        continue;
      }
      if (turn !== undefined && isMachineWork(step) && !later.includes(step.machine)) {
        later.push(step.machine);
        continue;
      }
      throw notYet(pool, step);
    }
    const line = describeStep(step);
    times.set(line, (times.get(line) ?? 0) + 1);
    if ((times.get(line) as number) > MOST_TIMES) throw undone(pool, line);
    const stepBegan = performance.now();
    work.show(line);
    await conductor.begin(line);
    await act(step, { pool, after: work.after, state, signal: conductor.lost, show: work.show });
    await conductor.done();
    work.say(`${line} (${((performance.now() - stepBegan) / 1000).toFixed(1)} s)`);
    count += 1;
    if (stopHere) return done();
  }
  if (work.turn === undefined) await finish(pool, work);
  return done();
}

/**
 * Before anything is waited for: new members are let in, clients find them, and what was set aside earlier comes back.
 * False: nobody leads, so that nobody could be let in yet.
 */
async function makeReady(pool: SshPool, { before, after, say }: Rollout): Promise<boolean> {
  const now = await look(pool, after);
  // A new member that is not let in would never be seeded.
  const written = await rewrite(pool, now, (present) => documentThatAdmits(before, after, present));
  if (before !== undefined && now.state.kind === "living") await enterTransition(pool, before, after, now.state);
  const members = machinesWith(pool.access, "postgresql").map(({ key }) => key);
  await takeBack(pool, now.seen, members, say);
  return written;
}

/** The document is owned whole: keys that nobody declares go, rules of pg_hba come. None of that needs a restart. */
async function finish(pool: SshPool, { before, after }: Rollout): Promise<void> {
  const now = await look(pool, after);
  if (!(await rewrite(pool, now, (present) => documentInTheEnd(after, present))))
    throw new OperateError(
      after.name,
      "writing Patroni's configuration",
      "no member leads",
      "Run `up` again when one does",
    );
  if (before !== undefined && now.state.kind === "living") await leaveTransition(pool, before, after, now.state);
}

/**
 * In front of a machine's own update, other machines' updates are none of its business: they come before or after, and
 * disks grow with them.
 */
function seenBy({ turn, after }: Rollout, state: ClusterState, later: readonly string[]): ClusterState {
  if (turn === undefined || state.kind !== "living") return state;
  return asIfMade(after, asIfGrown(after, state), later);
}

/** @returns the state as it is when these machines have gone. */
function withoutMachines(state: ClusterState, keys: readonly string[]): ClusterState {
  if (state.kind !== "living") return state;
  const machines = Object.entries(state.machines).filter(([key]) => !keys.includes(key));
  return { ...state, machines: Object.fromEntries(machines) };
}

function executable(work: Rollout, state: ClusterState): RolloutPlan {
  const { after } = work;
  const plan = planned(work, state);
  if (plan.executable) return plan;
  throw new OperateError(after.name, "planning the next step", renderPlan(plan), "Nothing more was changed");
}

function planned({ before, after, turn }: Rollout, state: ClusterState): RolloutPlan {
  return rollout(before, after, besideTransition(before, after, state), turn);
}

function notYet(pool: SshPool, step: Step): OperateError {
  return new OperateError(
    pool.access.cluster,
    describeStep(step),
    "the machine is not as the stack's state says",
    "Run `pulumi refresh`, look at the preview, and run `up` again",
  );
}

function undone({ access }: SshPool, line: string): OperateError {
  return new OperateError(
    access.cluster,
    line,
    `done ${MOST_TIMES} times, and to be done again each time`,
    "Something else undoes it: another program or a person that changes the cluster at the same time. End that, and run `up` again",
  );
}

/** Waits until what an earlier step, or a machine's power cycle, has set in motion is at rest. */
async function settled(pool: SshPool, work: Rollout): Promise<ClusterState> {
  let last = "";
  let lastSign = "";
  let changed = Date.now();
  for (;;) {
    const { state } = await look(pool, work.after);
    const restless = relevant(work, state, unsettled(work.after, state));
    // A member that is coming up does not tell everything; that it is coming up says enough.
    const open = restless.length > 0 ? restless : relevant(work, state, unseen(state));
    if (open.length === 0 || nobodyMinds(work, state, open)) return state;
    const line = [...open].sort().join("; ");
    if (line !== last) work.show(`waiting: ${line}`);
    last = line;
    const leader = state.kind === "living" ? state.leader : undefined;
    const sign = `${line} ${leader === undefined ? "" : await bytesSent(pool, leader)}`;
    if (sign !== lastSign) changed = Date.now();
    lastSign = sign;
    if (Date.now() - changed > SETTLE_MS)
      throw new OperateError(
        pool.access.cluster,
        "waiting for the cluster to settle",
        `${line}; nothing has changed for ${SETTLE_MS / 1000} s`,
        "See `npm run cluster -- status`; run `up` again when the reason is mended: it carries on from here",
      );
    await pause(300);
  }
}

/** Machines that do not answer. */
function silent(state: ClusterState): readonly string[] {
  if (state.kind !== "living") return [];
  return Object.keys(state.machines).filter((key) => state.machines[key]?.reachable === false);
}

/** Machines that do not answer are not waited for where nothing of what is left to do disturbs anybody. */
function nobodyMinds(work: Rollout, state: ClusterState, open: readonly string[]): boolean {
  if (state.kind !== "living" || state.leader === undefined) return false;
  if (!open.every((line) => silent(state).some((key) => names(line, key)))) return false;
  const plan = planned(work, state);
  return plan.executable && !plan.steps.some(isDisturbing);
}

/** What a busy machine did not tell in time, it may tell at the next look. */
function unseen(state: ClusterState): string[] {
  return state.kind === "living" ? state.unknown.map(({ what, why }) => `${what} is not known (${why})`) : [];
}

/** What is dead and shall go, for good or to be made anew, is the plan's business and is not waited for. */
function relevant({ before, after }: Rollout, state: ClusterState, open: readonly string[]): readonly string[] {
  if (state.kind !== "living") return open;
  const gone = silent(state).filter(
    (key) => after.machines[key] === undefined || isToBeRemade(before, after, state, key),
  );
  return open.filter((line) => !gone.some((key) => names(line, key)));
}

/** Whether a line is about the machine. */
function names(line: string, key: string): boolean {
  return line.split(/[^a-z0-9-]+/).includes(key);
}

/** Has every member read the new document now, instead of at its next look. False: nobody leads who would take it. */
async function rewrite(
  pool: SshPool,
  { seen, state }: Look,
  change: (present: JsonObject) => JsonObject | undefined,
): Promise<boolean> {
  if (seen.configuration === null || state.kind !== "living" || state.leader === undefined) return false;
  const document = change(seen.configuration);
  if (document === undefined) return true;
  await putConfig(pool, state.leader, document);
  const up = Object.entries(state.members).filter(([, member]) => member.reachable);
  await Promise.all(up.map(([key]) => postReload(pool, key).catch(() => undefined)));
  return true;
}
