/** Carries out one step of a rollout on the living cluster. Every step may be repeated: it may have been done before. */
import { setTimeout as pause } from "node:timers/promises";
import { OperateError } from "../operate/errors";
import { addLearner, forgetMember, keepsSlot, promoteLearner, removeMember } from "../operate/etcd";
import { getConfig, patchConfig, postReload, putConfig } from "../operate/patroni";
import { resumePooler } from "../operate/pools";
import { takeOut } from "../operate/reads";
import { restartLeader, restartReplica } from "../operate/restart";
import type { SshPool } from "../operate/ssh";
import { slotName } from "../operate/state";
import { switchover } from "../operate/switchover";
import type { ClusterState, LivingCluster, Step } from "../plan/change";
import type { ClusterSpec } from "../spec";
import { documentInPass, documentWithDurability, keptSlots } from "./document";
import { putBack, resetParameters } from "./drift";
import { look } from "./look";
import { bytesSent } from "./seeding";
import { upgrade } from "./upgrade";

export interface Stage {
  readonly pool: SshPool;
  readonly after: ClusterSpec;
  readonly state: LivingCluster;
  readonly signal: AbortSignal;
  /** Gets lines that tell what is happening right now. */
  readonly show: (line: string) => void;
}

/** A step that waits for something of the cluster's own gets this long, in ms; seeding has no limit of its own but progress. */
const SETTLE_MS = 120_000;

export async function act(step: Step, stage: Stage): Promise<void> {
  const { pool, show, signal } = stage;
  switch (step.kind) {
    case "resume-poolers":
      await Promise.all(step.machines.map((key) => resumePooler(pool, key)));
      return;
    case "restore-files":
    case "start-units":
      await putBack(pool, step);
      return;
    case "reset-parameter":
      await resetParameters(pool, step);
      return;
    case "config-apply": {
      const held = Object.fromEntries(
        step.held.map((name) => [name, String(stage.state.configuration.parameters[name] ?? "")]),
      );
      const present = await getConfig(pool, leaderOf(stage));
      await writeDocument(stage, documentInPass(stage.after, held, present, stage.state.configuration.durability));
      return;
    }
    case "durability-change":
      await writeDocument(stage, documentWithDurability(await getConfig(pool, leaderOf(stage)), step.to));
      return;
    case "add-voter": {
      const address = addressOf(stage, step.machine);
      await until(stage, `etcd takes ${step.machine} as a learner`, () => addLearner(pool, step.machine, address));
      return;
    }
    case "promote-voter": {
      const address = addressOf(stage, step.machine);
      await until(stage, `${step.machine} has caught up as a learner`, () =>
        promoteLearner(pool, step.machine, address),
      );
      return;
    }
    case "remove-voter":
      await until(stage, `etcd lets ${step.machine} go`, () => removeMember(pool, step.machine));
      if (!step.dead) await stopUnits(stage, step.machine, ["etcd"]);
      return;
    case "seed-member":
      await untilState(
        stage,
        `${step.member} streams`,
        (state) => {
          const member = state.kind === "living" ? state.members[step.member] : undefined;
          return member?.reachable === true && member.state === "streaming";
        },
        () => bytesSent(pool, leaderOf(stage)),
      );
      return;
    case "admit-to-reads":
      await untilState(stage, `the poolers send reads to ${step.member}`, (state) => inReadRoute(state, step.member));
      return;
    case "leave-read-route":
      await takeOut(pool, (await look(pool, stage.after)).seen, step.member, show);
      await untilState(
        stage,
        `the poolers send no reads to ${step.member}`,
        (state) => !inReadRoute(state, step.member),
      );
      return;
    case "restart-member": {
      const options = { signal, onProgress: show };
      if (step.role === "leader") await restartLeader(pool, options);
      else await restartReplica(pool, step.member, options);
      return;
    }
    case "switchover":
      await switchover(pool, { candidate: step.to, signal, onProgress: show });
      return;
    case "upgrade-software":
      await upgrade({ ...stage, machine: step.machine, software: step.software });
      return;
    case "leave-patroni":
      if (!step.dead) {
        await stopUnits(stage, step.member, ["patroni"]);
        // Otherwise it stands there, stopped, until its key has lived for a ttl.
        await forgetMember(pool, step.member);
      }
      await untilState(stage, `Patroni no longer lists ${step.member}`, (state) => {
        const member = state.kind === "living" ? state.members[step.member] : null;
        return member === undefined || (member !== null && !member.reachable && member.unlisted === true);
      });
      return;
    case "drop-slot":
      await dropSlot(stage, step.member);
      return;
    case "pooler-change":
      if (step.change === "drained")
        for (const machine of step.machines) await stopUnits(stage, machine, ["pgbouncer.target", "haproxy"]);
      return;
    case "bootstrap":
    case "preflight":
    case "verify":
    case "hba":
    case "reload":
    case "power-cycle":
    case "grow-disk":
    case "replace-machine":
    case "delete-machine":
      throw new Error(`the step ${step.kind} is done by ${step.by}, not by the conductor`);
  }
}

function addressOf({ after }: Stage, key: string): string {
  const machine = after.machines[key];
  if (machine === undefined) throw new Error(`machines.${key} is not declared`);
  return machine.address;
}

function leaderOf(stage: Stage): string {
  const { leader } = stage.state;
  if (leader === undefined)
    throw new OperateError(stage.pool.access.cluster, "asking who leads", "nobody does", "See `cluster status`");
  return leader;
}

/** Writes the document and has every member read it now, instead of at its next look. */
async function writeDocument(stage: Stage, document: Parameters<typeof putConfig>[2]): Promise<void> {
  await putConfig(stage.pool, leaderOf(stage), document);
  const up = Object.entries(stage.state.members).filter(([, member]) => member.reachable);
  await Promise.all(up.map(([key]) => postReload(stage.pool, key)));
}

async function stopUnits(stage: Stage, machine: string, units: readonly string[]): Promise<void> {
  await stage.pool.machine(machine).run(`systemctl disable --now --quiet ${units.join(" ")}`, {
    step: `stopping ${units.join(", ")}`,
    timeoutMs: SETTLE_MS,
  });
}

/**
 * Patroni keeps the slots of absent members for a while and would make a dropped one anew; told to keep none, it drops this
 * one itself, and forgets it. Then it keeps those of others again: theirs have to outlast a power cycle.
 */
async function dropSlot(stage: Stage, member: string): Promise<void> {
  const { pool, after } = stage;
  const keep = (time: string) => patchConfig(pool, leaderOf(stage), { member_slots_ttl: time });
  await keep("0");
  try {
    await untilState(
      stage,
      `the slot of ${member} is gone`,
      (state) => state.kind === "living" && !state.slots.includes(member),
    );
    await until(
      stage,
      `Patroni has forgotten the slot of ${member}`,
      async () => !(await keepsSlot(pool, slotName(member))),
    );
  } finally {
    await keep(keptSlots(after));
  }
}

function inReadRoute(state: ClusterState, key: string): boolean {
  const member = state.kind === "living" ? state.members[key] : undefined;
  return member?.reachable === true && member.inReadRoute;
}

async function untilState(
  stage: Stage,
  what: string,
  reached: (state: ClusterState) => boolean,
  progress?: () => Promise<string>,
): Promise<void> {
  await until(stage, what, async () => reached((await look(stage.pool, stage.after)).state), progress);
}

/** @param progress What changes for as long as there is some: the time runs anew then. */
async function until(
  stage: Stage,
  what: string,
  reached: () => Promise<boolean>,
  progress: () => Promise<string> = async () => "",
): Promise<void> {
  let deadline = Date.now() + SETTLE_MS;
  let sign = "";
  while (!(await reached())) {
    stage.signal.throwIfAborted();
    const now = await progress();
    if (now !== sign) deadline = Date.now() + SETTLE_MS;
    sign = now;
    if (Date.now() > deadline)
      throw new OperateError(
        stage.pool.access.cluster,
        `waiting until ${what}`,
        `not so after ${SETTLE_MS / 1000} s`,
        "See `npm run cluster -- status`; run `up` again when the reason is mended: it carries on from here",
      );
    await pause(300);
  }
}
