/** Which member's turn it is, and who shall lead next. */
import type { LivingCluster } from "./cluster-state";
import { asked, type Goal, reachable } from "./goal";
import type { Refusal } from "./refusal";

/**
 * A replica that has more than this to replay is no candidate: clients would wait for the replay (one segment of the
 * log; Patroni's own bound for a failover, where nothing waits, is 1 MiB received).
 */
export const MOST_LAG_BYTES = 16 * 1024 ** 2;

/**
 * Machines in the order of their turn: the one whose loss would hurt least comes first, so that a setting with which
 * PostgreSQL does not come up again shows where it costs least, and the best stand-ins stay untouched for longest:
 * machines without a member; members that never lead; those that do not acknowledge commits; the most lagging first.
 * The leader is not among them: its turn is the last.
 */
export function byTurn(state: LivingCluster, keys: readonly string[]): string[] {
  const rank = (key: string): readonly (number | string)[] => {
    const member = asked(state, key);
    if (member === undefined) return [0, 0, 0, 0, key];
    return [1, member.nofailover ? 0 : 1, member.sync === "async" ? 0 : 1, -noticeable(member.replayLagBytes), key];
  };
  return [...keys].sort((a, b) => compareRanks(rank(a), rank(b)));
}

/** What is replayed in a moment decides nothing: two looks at a busy cluster must find the same order. */
function noticeable(lagBytes: number): number {
  return Math.floor(lagBytes / MOST_LAG_BYTES);
}

/** Members that could take over from the leader at this moment, best first. */
export function standIns(state: LivingCluster, without?: string): string[] {
  return reachable(state)
    .filter(
      ([key, member]) => key !== state.leader && key !== without && !member.nofailover && member.state === "streaming",
    )
    .map(([key]) => key);
}

/** `sync` is false where Patroni would not hand over to it yet: in mode `sync` only named standbys may take over. */
export interface Candidate {
  readonly key: string;
  readonly sync: boolean;
}

/**
 * Who takes over in a planned switchover: a member that stays, may lead, streams and has next to nothing to replay; one
 * that acknowledges commits before others; the leader's own zone before others; the least lag. By the leader's turn
 * none of them has work of its own left, so that nobody has to hand over twice.
 */
export function candidate(goal: Goal, state: LivingCluster): Candidate | Refusal {
  const zone = zoneOf(goal, state.leader);
  const { mode } = state.configuration.durability;
  const acknowledges = (key: string) => mode === "async" || asked(state, key)?.sync !== "async";
  const eligible = standIns(state)
    .filter((key) => goal.members.includes(key))
    .filter((key) => mode !== "sync" || acknowledges(key) || asked(state, key)?.mayAcknowledge === true);
  const near = eligible.filter((key) => lagOf(state, key) <= MOST_LAG_BYTES);
  const rank = (key: string) => [acknowledges(key) ? 0 : 1, zoneOf(goal, key) === zone ? 0 : 1, lagOf(state, key), key];
  const [best] = near.sort((a, b) => compareRanks(rank(a), rank(b)));
  if (best !== undefined) return { key: best, sync: mode !== "sync" || acknowledges(best) };
  const leader = state.leader as string;
  if (eligible.length > 0) return behind(state, leader, eligible);
  return {
    code: "no-candidate",
    subject: leader,
    reason: `${leader} has to hand over, and no other member that stays and may lead streams from it`,
    advice:
      "wait until a member that may lead streams (`npm run cluster -- status`), or declare one more, and run again",
  };
}

function lagOf(state: LivingCluster, key: string): number {
  return asked(state, key)?.replayLagBytes ?? 0;
}

function behind(state: LivingCluster, leader: string, keys: readonly string[]): Refusal {
  const lags = keys.map((key) => `${key} by ${megabytes(lagOf(state, key))}`);
  return {
    code: "replica-behind",
    subject: keys.join(", "),
    reason: `${leader} has to hand over, and every candidate is too far behind in replay: ${lags.join(", ")} (at most ${megabytes(MOST_LAG_BYTES)})`,
    advice: "wait until one has caught up, or look for the query on it that holds replay up, and run again",
  };
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)}MB`;
}

function zoneOf(goal: Goal, key: string | undefined): string | undefined {
  if (key === undefined) return undefined;
  return (goal.after.machines[key] ?? goal.before?.machines[key])?.zone;
}

function compareRanks(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  const index = a.findIndex((value, i) => value !== b[i]);
  if (index < 0) return 0;
  return (a[index] as number | string) < (b[index] as number | string) ? -1 : 1;
}
