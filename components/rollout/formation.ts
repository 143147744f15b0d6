/**
 * Waiting for a cluster to be whole: one leader, every other member streaming from it or on its way there.
 * Bounded by progress and not by a total: a replica of a large cluster is seeded for hours, and that is no failure.
 */
import { setTimeout as pause } from "node:timers/promises";
import { messageOf, OperateError } from "../operate/errors";
import { getCluster, type PatroniCluster, type PatroniMember } from "../operate/patroni";
import type { SshPool } from "../operate/ssh";
import { bytesSent } from "./seeding";

/** How often the members are asked while something is still missing. */
const POLL_MS = 250;
/** Without any change for this long, the formation counts as stuck. Covers PostgreSQL's crash recovery of small clusters. */
const STALLED_MS = 120_000;

export interface Formation {
  readonly leader: string;
  readonly cluster: PatroniCluster;
}

/** What is still missing, in words; empty when the cluster is whole. */
export function missing(cluster: PatroniCluster, expected: readonly string[]): string[] {
  const byName = new Map(cluster.members.map((member) => [member.name, member]));
  const absent = expected.filter((key) => !byName.has(key)).map((key) => `${key} has not joined`);
  const leaders = cluster.members.filter(isLeader);
  const leaderless = leaders.length === 1 ? [] : ["no member leads yet"];
  const behind = expected
    .map((key) => byName.get(key))
    .filter((member): member is PatroniMember => member !== undefined && !isWhole(member))
    .map((member) => `${member.name} is ${member.state}`);
  return [...leaderless, ...absent, ...behind];
}

function isLeader(member: PatroniMember): boolean {
  return member.role === "leader" && member.state === "running";
}

function isWhole(member: PatroniMember): boolean {
  return isLeader(member) || member.state === "streaming";
}

/**
 * Waits until every expected member is whole.
 * @param onProgress Gets one line for each change of what is missing.
 * @throws OperateError when nothing changed for two minutes, naming what is missing.
 */
export async function waitUntilFormed(
  pool: SshPool,
  expected: readonly string[],
  onProgress: (line: string) => void,
): Promise<Formation> {
  let lastSign = "";
  let lastLine = "";
  let lastChange = Date.now();
  for (;;) {
    const seen = await look(pool, expected);
    if (seen.kind === "formed") return seen;
    const line = seen.waitingFor.join(", ");
    if (line !== lastLine) onProgress(`waiting: ${line}`);
    lastLine = line;
    if (seen.sign !== lastSign) lastChange = Date.now();
    lastSign = seen.sign;
    if (Date.now() - lastChange > STALLED_MS)
      throw new OperateError(
        pool.access.cluster,
        "waiting for the cluster to form",
        `${line}; nothing has changed for ${STALLED_MS / 1000} s`,
        "Look at `journalctl -u patroni` of the members named, mend what it says, and run `up` again: it carries on from here",
      );
    await pause(POLL_MS);
  }
}

type Look =
  | ({ readonly kind: "formed" } & Formation)
  | { readonly kind: "forming"; readonly waitingFor: readonly string[]; readonly sign: string };

/** Asks the members one after the other until one answers; each has the same view, from the DCS. */
async function look(pool: SshPool, expected: readonly string[]): Promise<Look> {
  const silent: string[] = [];
  for (const key of expected) {
    let cluster: PatroniCluster;
    try {
      cluster = await getCluster(pool, key);
    } catch (error) {
      silent.push(messageOf(error));
      continue;
    }
    const waitingFor = missing(cluster, expected);
    const leader = cluster.members.find(isLeader);
    if (waitingFor.length === 0 && leader !== undefined) return { kind: "formed", leader: leader.name, cluster };
    const seeded = leader === undefined ? "" : await bytesSent(pool, leader.name);
    return { kind: "forming", waitingFor, sign: `${JSON.stringify(cluster.members)} ${seeded}` };
  }
  return { kind: "forming", waitingFor: silent, sign: silent.join() };
}
