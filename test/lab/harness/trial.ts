/** One disturbance of a living cluster with clients at work, and what it meant for them. */

import { Load, storedWrites } from "./clients";
import type { TestCluster, Topology } from "./cluster";
import { acknowledged } from "./ledger";
import { until } from "./until";
import { judge, longestPause, longestWaitOfAClient, type Staleness, staleness, type Verdict } from "./verdict";

export interface Trial {
  /** Short, for the table. */
  readonly name: string;
  /** Longest write pause that the documentation allows, in seconds. */
  readonly boundSeconds: number;
  /** Brings the cluster into the position in which the disturbance shall hit it; before clients begin. */
  prepare?(before: Topology): Promise<unknown>;
  inject(before: Topology): Promise<unknown>;
  /** How long the disturbance lasts after writes flow again, in seconds; default 0. */
  readonly lastsSeconds?: number;
  /** Ends what does not end by itself. */
  repair?(before: Topology): Promise<unknown>;
}

export interface Outcome {
  readonly name: string;
  readonly boundSeconds: number;
  readonly before: Topology;
  /** After everything has settled again. */
  readonly after: Topology;
  /** Longest time without any acknowledged write, from the fault on; seconds. */
  readonly pauseSeconds: number;
  /** The same for the unluckiest single client. */
  readonly clientPauseSeconds: number;
  /** From the end of the disturbance until every member streams again; seconds. */
  readonly settledSeconds: number;
  /** When the pause began and ended, by the clock, for whoever reads the machines' journals. */
  readonly pauseClock: readonly [string, string];
  /** What was missing meanwhile, each with the second in which it was seen first. */
  readonly missing: readonly string[];
  readonly verdict: Verdict;
  readonly readErrors: number;
  /** Texts of the errors that readers got. */
  readonly readErrorTexts: readonly string[];
  readonly staleness: Staleness;
}

export const CLIENTS = { writers: 4, readers: 2 };
/** Writes that must flow before a fault, so that it does hit something. */
const WARM_UP = 100;
/** Over the bound, so that a slow recovery is measured and not only refused. */
const PATIENCE_SECONDS = 40;
const SETTLE_SECONDS = 90;

/** Disturbs the cluster while clients write and read, waits until it has settled, and compares every member's rows with the ledger. */
export async function underLoad(cluster: TestCluster, trial: Trial): Promise<Outcome> {
  const before = await cluster.settled(SETTLE_SECONDS);
  await trial.prepare?.(before);
  const load = Load.start(cluster.target, `${trial.name} ${Date.now()}`, CLIENTS);
  try {
    await writesFlow(load, 0, 20);
    const faultAt = performance.now();
    await trial.inject(before);
    const back = performance.now();
    await writesFlow(load, back, trial.boundSeconds + PATIENCE_SECONDS);
    await lasts(load, back + (trial.lastsSeconds ?? 0) * 1000);
    await trial.repair?.(before);
    const repairedAt = performance.now();
    const missing: string[] = [];
    const after = await cluster.settled(SETTLE_SECONDS, (seen) =>
      missing.push(`${((performance.now() - repairedAt) / 1000).toFixed(1)} s: ${seen}`),
    );
    const settledAt = performance.now();
    await writesFlow(load, settledAt, 20);
    const end = performance.now();
    await load.stop();

    const { writes, reads, readErrors } = load.ledger;
    const pause = longestPause(writes, faultAt, end);
    const stored = await storedWrites(cluster.target, load.run);
    await cluster.sameRowsEverywhere(load.run, stored.length);
    return {
      name: trial.name,
      boundSeconds: trial.boundSeconds,
      before,
      after,
      pauseSeconds: pause.length / 1000,
      pauseClock: [clock(pause.from), clock(pause.to)],
      clientPauseSeconds: longestWaitOfAClient(writes, faultAt, end).length / 1000,
      settledSeconds: (settledAt - repairedAt) / 1000,
      missing,
      verdict: judge(writes, stored),
      readErrors: readErrors.length,
      readErrorTexts: readErrors.map(({ reader, at, reason }) => `${clock(at)} ${reader}: ${reason}`),
      staleness: staleness(reads, writes),
    };
  } finally {
    await load.stop();
  }
}

/** Time of day of a moment of the monotonic clock. */
function clock(moment: number): string {
  return new Date(performance.timeOrigin + moment).toISOString().slice(11, 23);
}

/** Waits until enough writes that were sent after this moment are acknowledged. */
function writesFlow(load: Load, since: number, seconds: number): Promise<void> {
  return until("acknowledged writes", seconds, () => {
    const count = acknowledged(load.ledger.writes).filter(({ sentAt }) => sentAt > since).length;
    return count >= WARM_UP ? { done: undefined } : `${count} since ${load.ledger.writes.at(-1)?.outcome.kind}`;
  });
}

function lasts(load: Load, moment: number): Promise<void> {
  return until("the end of the observation", 120, () =>
    performance.now() >= moment ? { done: undefined } : `${load.ledger.writes.length} writes`,
  );
}

/** A table for people: one line per disturbance. */
export function table(outcomes: readonly Outcome[]): string {
  const head = [
    "disturbance",
    "leader",
    "pause",
    "bound",
    "one client",
    "settled",
    "acked",
    "lost",
    "errors",
    "reads",
    "read errors",
    "stale",
  ];
  const seconds = (value: number) => `${value.toFixed(1)} s`;
  const rows = outcomes.map(({ verdict, ...outcome }) => [
    outcome.name,
    outcome.before.leader === outcome.after.leader ? "same" : `${outcome.before.leader} → ${outcome.after.leader}`,
    seconds(outcome.pauseSeconds),
    seconds(outcome.boundSeconds),
    seconds(outcome.clientPauseSeconds),
    seconds(outcome.settledSeconds),
    verdict.acknowledged,
    verdict.lost.length,
    [...verdict.errors.values()].reduce((sum, count) => sum + count, 0),
    outcome.staleness.reads,
    outcome.readErrors,
    seconds(outcome.staleness.longestBehind / 1000),
  ]);
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The table, and below it what took its time and which errors clients got. */
export function report(outcomes: readonly Outcome[]): string {
  const details = outcomes.map(({ name, pauseClock, missing, verdict, readErrorTexts }) =>
    [
      `## ${name}`,
      "",
      `- no write acknowledged from ${pauseClock[0]} to ${pauseClock[1]} (UTC)`,
      ...[...verdict.errors].map(([reason, count]) => `- error, ${count} times: ${reason}`),
      ...readErrorTexts.map((line) => `- read error: ${line}`),
      ...missing.map((line) => `- missing after ${line}`),
      "",
    ].join("\n"),
  );
  return `${table(outcomes)}\n\n${details.join("\n")}`;
}
