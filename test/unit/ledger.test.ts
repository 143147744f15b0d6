import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ledger, type Outcome, type Write } from "../lab/harness/ledger";
import { judge, leaderConflicts, longestPause, longestWaitOfAClient, staleness } from "../lab/harness/verdict";

interface Done {
  client?: string;
  sequence: number;
  sentAt: number;
  at: number;
  server?: string;
  timeline?: number;
  position?: bigint;
}
const done = ({ client = "a", sequence, sentAt, at, server = "db-1", timeline = 1, position }: Done): Write => ({
  client,
  sequence,
  sentAt,
  outcome: { kind: "acknowledged", at, server, timeline, position: position ?? BigInt(at) },
});
const failed = (sequence: number, sentAt: number, at: number): Write => ({
  client: "a",
  sequence,
  sentAt,
  outcome: { kind: "failed", at, reason: "connection reset" },
});

describe("the record", () => {
  it("numbers the writes of each client and keeps the first outcome of each", () => {
    const ledger = new Ledger();
    const first = ledger.begin("a", 0);
    const other = ledger.begin("b", 1);
    const second = ledger.begin("a", 2);
    expect([first.sequence, other.sequence, second.sequence]).toEqual([1, 1, 2]);
    second.end({ kind: "failed", at: 3, reason: "gone" });
    expect(() => second.end({ kind: "failed", at: 4, reason: "again" })).toThrow("has an outcome already");
    expect(ledger.writes.map(({ outcome }) => outcome.kind)).toEqual(["pending", "pending", "failed"]);
  });
});

describe("the verdict on rows", () => {
  const writes = [done({ sequence: 1, sentAt: 0, at: 1 }), failed(2, 2, 3), done({ sequence: 3, sentAt: 4, at: 5 })];

  it("names every acknowledged write that is missing", () => {
    expect(judge(writes, [{ client: "a", sequence: 1 }]).lost).toEqual([{ client: "a", sequence: 3 }]);
  });

  it("does not blame the cluster for an unacknowledged write, stored or not", () => {
    const rows = [1, 2, 3].map((sequence) => ({ client: "a", sequence }));
    expect(judge(writes, rows)).toMatchObject({ lost: [], unacknowledgedButStored: 1, foreign: [] });
    const without = rows.filter(({ sequence }) => sequence !== 2);
    expect(judge(writes, without)).toMatchObject({ lost: [], unacknowledgedButStored: 0 });
  });

  it("counts a write that never had an answer among the unacknowledged ones", () => {
    const hanging: Write = { client: "a", sequence: 1, sentAt: 0, outcome: { kind: "pending" } };
    expect(judge([hanging], [])).toMatchObject({ attempted: 1, acknowledged: 0, lost: [] });
    expect(judge([hanging], [hanging])).toMatchObject({ unacknowledgedButStored: 1 });
  });

  it("names rows that nobody wrote, and rows that are there twice", () => {
    const row = (sequence: number) => ({ client: "a", sequence });
    expect(judge(writes, [row(1), row(3), row(3), row(9)]).foreign).toEqual([row(3), row(9)]);
  });

  it("counts errors by their text", () => {
    expect([...judge(writes, []).errors]).toEqual([["connection reset", 1]]);
  });
});

describe("the verdict on leaders", () => {
  it("sees a server of an older timeline that still acknowledges", () => {
    const writes = [
      done({ sequence: 1, sentAt: 0, at: 10, server: "db-2", timeline: 2, position: 100n }),
      done({ client: "b", sequence: 1, sentAt: 11, at: 12, server: "db-1", timeline: 1, position: 200n }),
    ];
    expect(leaderConflicts(writes)).toEqual([expect.stringContaining("write 1 of b (db-1, timeline 1")]);
  });

  it("does not blame an acknowledgement of the old leader that was under way", () => {
    const writes = [
      done({ sequence: 1, sentAt: 0, at: 10, server: "db-2", timeline: 2, position: 101n }),
      done({ client: "b", sequence: 1, sentAt: 9, at: 12, server: "db-1", timeline: 1, position: 100n }),
    ];
    expect(leaderConflicts(writes)).toEqual([]);
  });

  it("sees two servers on one timeline, even when their writes overlap", () => {
    const writes = [
      done({ sequence: 1, sentAt: 0, at: 10, server: "db-2", position: 1n }),
      done({ client: "b", sequence: 1, sentAt: 0, at: 10, server: "db-1", position: 2n }),
    ];
    expect(leaderConflicts(writes)).toEqual(["writes of timeline 1 were acknowledged by db-1 and db-2"]);
  });

  it("sees a history that was rewound below an acknowledged write", () => {
    const writes = [
      done({ sequence: 1, sentAt: 0, at: 1, position: 500n }),
      done({ sequence: 2, sentAt: 2, at: 3, server: "db-2", timeline: 2, position: 400n }),
    ];
    expect(leaderConflicts(writes)).toEqual([expect.stringContaining("lies in the WAL before write 1 of a")]);
  });
});

describe("pauses", () => {
  const writes = [10, 20, 30, 130, 140].map((at, index) => done({ sequence: index + 1, sentAt: at - 5, at }));

  it("is the longest time between two acknowledgements, from before the fault on", () => {
    expect(longestPause(writes, 25, 150)).toEqual({ from: 30, to: 130, length: 100 });
    expect(longestPause(writes, 60, 150)).toEqual({ from: 30, to: 130, length: 100 });
    expect(longestPause(writes, 130, 150)).toEqual({ from: 130, to: 140, length: 10 });
  });

  it("lasts until the end of the observation when nothing was acknowledged any more", () => {
    expect(longestPause(writes, 135, 1000)).toEqual({ from: 140, to: 1000, length: 860 });
    expect(longestPause([], 5, 1000).length).toBe(995);
  });

  it("tells apart the cluster's pause and the unluckiest client's", () => {
    const other = [12, 22, 32, 42, 52, 62, 72, 82, 92, 102, 112, 122].map((at, index) =>
      done({ client: "b", sequence: index + 1, sentAt: at - 5, at }),
    );
    const all = [...writes, ...other];
    expect(longestPause(all, 0, 141).length).toBeLessThanOrEqual(15);
    expect(longestWaitOfAClient(all, 0, 141)).toEqual({ from: 30, to: 130, length: 100 });
  });
});

describe("staleness", () => {
  const writes = [10, 20, 30].map((at, index) => done({ sequence: index + 1, sentAt: at - 5, at }));
  const read = (sentAt: number, seen: number) => ({
    reader: "r",
    sentAt,
    server: "db-2",
    fromReplica: true,
    follows: "a",
    seen,
  });

  it("is the age of the oldest acknowledged write that a read did not show", () => {
    expect(staleness([read(25, 2)], writes).longestBehind).toBe(0);
    expect(staleness([read(25, 1)], writes).longestBehind).toBe(5);
    expect(staleness([read(100, 0), read(25, 2)], writes)).toEqual({ reads: 2, fromReplicas: 2, longestBehind: 90 });
  });

  it("does not expect a write that was acknowledged after the read was sent", () => {
    expect(staleness([read(29, 2)], writes).longestBehind).toBe(0);
  });
});

/**
 * Histories of a correct cluster: one leader at any instant, each failover a new timeline, positions that only grow. A write is done
 * at an instant of its own, somewhere between being sent and being answered.
 */
interface History {
  writes: Write[];
  stored: Write[];
}
const history: fc.Arbitrary<History> = fc
  .array(
    fc.record({
      client: fc.constantFrom("a", "b", "c"),
      fate: fc.constantFrom("acknowledged", "acknowledged", "failed and stored", "failed"),
      before: fc.integer({ min: 1, max: 40 }),
      after: fc.integer({ min: 1, max: 40 }),
      failover: fc.nat({ max: 9 }),
    }),
    { minLength: 2, maxLength: 60 },
  )
  .map((steps) => {
    const sequences = new Map<string, number>();
    const writes: Write[] = [];
    const stored: Write[] = [];
    let timeline = 1;
    steps.forEach((step, index) => {
      if (step.failover === 0) timeline += 1;
      const instant = (index + 1) * 10;
      const sequence = (sequences.get(step.client) ?? 0) + 1;
      sequences.set(step.client, sequence);
      const at = instant + step.after;
      const outcome: Outcome =
        step.fate === "acknowledged"
          ? { kind: "acknowledged", at, server: `db-${timeline % 3}`, timeline, position: BigInt(instant) }
          : { kind: "failed", at, reason: "error" };
      const write = { client: step.client, sequence, sentAt: instant - step.before, outcome };
      writes.push(write);
      if (step.fate !== "failed") stored.push(write);
    });
    return { writes, stored };
  });

const withAcknowledged = history.filter(({ writes }) => writes.some(({ outcome }) => outcome.kind === "acknowledged"));

describe("for every history", () => {
  it("a correct cluster is not accused", () => {
    fc.assert(
      fc.property(history, ({ writes, stored }) => {
        expect(judge(writes, stored)).toMatchObject({ lost: [], foreign: [], conflicts: [] });
      }),
    );
  });

  it("whichever acknowledged rows go missing, just those are named", () => {
    fc.assert(
      fc.property(withAcknowledged, fc.infiniteStream(fc.boolean()), ({ writes, stored }, coins) => {
        const kept = stored.filter((write) => write.outcome.kind !== "acknowledged" || coins.next().value);
        const gone = stored.filter((write) => !kept.includes(write));
        const { lost } = judge(writes, kept);
        expect(lost).toEqual(gone.map(({ client, sequence }) => ({ client, sequence })));
      }),
    );
  });

  it("a deposed leader's acknowledgement is a conflict, wherever it falls", () => {
    fc.assert(
      fc.property(withAcknowledged, fc.nat(), fc.integer({ min: 1, max: 30 }), ({ writes }, choice, later) => {
        const acks = writes.filter(({ outcome }) => outcome.kind === "acknowledged");
        const seen = acks[choice % acks.length] as Write;
        const { at, timeline } = seen.outcome as Extract<Outcome, { kind: "acknowledged" }>;
        const stray = done({
          client: "stray",
          sequence: 1,
          sentAt: at + later,
          at: at + later + 1,
          server: "deposed",
          timeline: timeline - 1,
          position: 1_000_000n,
        });
        expect(leaderConflicts([...writes, stray])).toContainEqual(expect.stringContaining("write 1 of stray"));
      }),
    );
  });

  it("the longest pause is what a look at every instant finds", () => {
    fc.assert(
      fc.property(history, fc.nat({ max: 600 }), fc.integer({ min: 1, max: 700 }), ({ writes }, since, more) => {
        const until = since + more;
        const start = Math.min(since, ...writes.map(({ sentAt }) => sentAt));
        const acks = new Set(
          writes.flatMap(({ outcome }) => (outcome.kind === "acknowledged" && outcome.at < until ? [outcome.at] : [])),
        );
        let last = start;
        let worst = 0;
        for (let instant = start; instant <= until; instant += 1) {
          if (instant > since) worst = Math.max(worst, instant - last);
          if (acks.has(instant)) last = instant;
        }
        expect(longestPause(writes, since, until).length).toBe(worst);
      }),
    );
  });
});
