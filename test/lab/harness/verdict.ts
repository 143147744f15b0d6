/** What a ledger proves. Pure. */
import { type Acknowledged, acknowledged, type Read, type Write, type WriteId } from "./ledger";

export interface Verdict {
  readonly attempted: number;
  readonly acknowledged: number;
  /** Errors that clients got, by text. */
  readonly errors: ReadonlyMap<string, number>;
  /** Acknowledged writes that are not there in the end. Must be empty wherever commits wait for a standby. */
  readonly lost: readonly WriteId[];
  /** Writes without an acknowledgement that are there all the same: allowed, the client cannot know. */
  readonly unacknowledgedButStored: number;
  /** Rows that no client has written, or that are there twice: the record itself is wrong. */
  readonly foreign: readonly WriteId[];
  /** Every sign that two servers took writes at once, in words. Must be empty. */
  readonly conflicts: readonly string[];
}

/** Compares the record with the rows that are in the database once everything has settled. */
export function judge(writes: readonly Write[], stored: readonly WriteId[]): Verdict {
  const identity = ({ client, sequence }: WriteId) => `${client} ${sequence}`;
  const unexplained = new Map(writes.map((write) => [identity(write), write]));
  const foreign: WriteId[] = [];
  let unacknowledgedButStored = 0;
  for (const row of stored) {
    const write = unexplained.get(identity(row));
    if (write === undefined) foreign.push(row);
    else if (write.outcome.kind !== "acknowledged") unacknowledgedButStored += 1;
    unexplained.delete(identity(row));
  }
  const errors = new Map<string, number>();
  for (const { outcome } of writes)
    if (outcome.kind === "failed") errors.set(outcome.reason, (errors.get(outcome.reason) ?? 0) + 1);
  return {
    attempted: writes.length,
    acknowledged: acknowledged(writes).length,
    errors,
    lost: acknowledged([...unexplained.values()]).map(({ client, sequence }) => ({ client, sequence })),
    unacknowledgedButStored,
    foreign,
    conflicts: leaderConflicts(writes),
  };
}

/**
 * Looks for two leaders at once. A write that was sent after another one's acknowledgement had arrived was certainly done after
 * it; so its timeline cannot be older and its WAL position must be higher. And a timeline has one server only.
 */
export function leaderConflicts(writes: readonly Write[]): string[] {
  const acks = acknowledged(writes);
  return [...twoServersOnOneTimeline(acks), ...goingBack(acks)];
}

function twoServersOnOneTimeline(acks: readonly Acknowledged[]): string[] {
  const servers = new Map<number, Set<string>>();
  for (const { outcome } of acks)
    servers.set(outcome.timeline, (servers.get(outcome.timeline) ?? new Set()).add(outcome.server));
  return [...servers]
    .filter(([, found]) => found.size > 1)
    .map(
      ([timeline, found]) => `writes of timeline ${timeline} were acknowledged by ${[...found].sort().join(" and ")}`,
    );
}

function goingBack(acks: readonly Acknowledged[]): string[] {
  const byArrival = [...acks].sort((a, b) => a.outcome.at - b.outcome.at);
  const conflicts: string[] = [];
  let arrived = 0;
  let newest: Acknowledged | undefined;
  let furthest: Acknowledged | undefined;
  for (const write of [...acks].sort((a, b) => a.sentAt - b.sentAt)) {
    for (; arrived < byArrival.length; arrived += 1) {
      const earlier = byArrival[arrived] as Acknowledged;
      if (earlier.outcome.at >= write.sentAt) break;
      if (newest === undefined || earlier.outcome.timeline > newest.outcome.timeline) newest = earlier;
      if (furthest === undefined || earlier.outcome.position > furthest.outcome.position) furthest = earlier;
    }
    if (newest !== undefined && write.outcome.timeline < newest.outcome.timeline)
      conflicts.push(`${described(write)} came after ${described(newest)}`);
    else if (furthest !== undefined && write.outcome.position <= furthest.outcome.position)
      conflicts.push(`${described(write)} lies in the WAL before ${described(furthest)}, which was done earlier`);
  }
  return conflicts;
}

function described({ client, sequence, outcome }: Acknowledged): string {
  return `write ${sequence} of ${client} (${outcome.server}, timeline ${outcome.timeline}, position ${outcome.position})`;
}

export interface Pause {
  readonly from: number;
  readonly to: number;
  /** ms. */
  readonly length: number;
}

/**
 * The longest time in which no client had a write acknowledged, of those that end after `since` and begin before `until`. A pause that
 * had begun before `since` counts from its beginning; one that lasts at the end counts up to `until`.
 */
export function longestPause(writes: readonly Write[], since: number, until: number): Pause {
  const times = acknowledged(writes)
    .map(({ outcome }) => outcome.at)
    .filter((at) => at < until)
    .sort((a, b) => a - b);
  const before = times.filter((at) => at <= since).at(-1) ?? Math.min(since, ...writes.map(({ sentAt }) => sentAt));
  const edges = [before, ...times.filter((at) => at > since), until];
  let longest: Pause = { from: before, to: before, length: 0 };
  for (let index = 1; index < edges.length; index += 1) {
    const [from, to] = [edges[index - 1] as number, edges[index] as number];
    if (to - from > longest.length) longest = { from, to, length: to - from };
  }
  return longest;
}

/** The longest pause that one client saw, of every client that writes: a client can be unluckier than the cluster. */
export function longestWaitOfAClient(writes: readonly Write[], since: number, until: number): Pause {
  const clients = new Set(writes.map(({ client }) => client));
  return [...clients]
    .map((client) =>
      longestPause(
        writes.filter((write) => write.client === client),
        since,
        until,
      ),
    )
    .reduce((worst, pause) => (pause.length > worst.length ? pause : worst), { from: since, to: since, length: 0 });
}

export interface Staleness {
  readonly reads: number;
  /** How many of them a replica answered. */
  readonly fromReplicas: number;
  /** Longest time, in ms, for which an acknowledged write had been missing when a read was sent. 0: every read was current. */
  readonly longestBehind: number;
}

/** How old the data was that reads showed. A client's writes follow one another, so their acknowledgements are in order. */
export function staleness(reads: readonly Read[], writes: readonly Write[]): Staleness {
  const byClient = new Map<string, Acknowledged[]>();
  for (const write of acknowledged(writes)) {
    const list = byClient.get(write.client) ?? [];
    list.push(write);
    byClient.set(write.client, list);
  }
  for (const list of byClient.values()) list.sort((a, b) => a.sequence - b.sequence);
  const behind = reads.map((read) => {
    const missing = firstAfter(byClient.get(read.follows) ?? [], read.seen);
    return missing === undefined ? 0 : Math.max(0, read.sentAt - missing.outcome.at);
  });
  return {
    reads: reads.length,
    fromReplicas: reads.filter(({ fromReplica }) => fromReplica).length,
    longestBehind: behind.reduce((worst, value) => Math.max(worst, value), 0),
  };
}

function firstAfter(sorted: readonly Acknowledged[], seen: number): Acknowledged | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as Acknowledged).sequence > seen) high = middle;
    else low = middle + 1;
  }
  return sorted[low];
}
