import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderStatus } from "../../components/operate/status";
import { WitnessClient } from "../../components/operate/witness/client";
import { LongestGap } from "../../components/operate/witness/gaps";
import type { Login } from "../../components/operate/witness/login";
import { countOf, missingFrom, type Run, withNext } from "../../components/operate/witness/numbers";
import { groupErrors, isClean, type Measured, type Proof, updateReport } from "../../components/operate/witness/proof";
import { summary } from "../../toolchain/stack/summary";
import { scene, seen } from "./operate-fixture";

const CLEAN: Measured = {
  seconds: 41.3,
  longestWritePause: 1.38,
  longestWritePauseOfOnePooler: { pooler: "db-2", seconds: 1.44 },
  writesAcknowledged: 812,
  writesLost: 0,
  readsAnswered: 398,
  clientErrors: [],
};
const PROOF: Proof = { at: "2026-05-01T10:11:12.345Z", steps: 7, ...CLEAN };

describe("the longest time without an answer", () => {
  it("lies between two answers, before the first, or after the last", () => {
    const gap = new LongestGap(1000);
    expect(gap.until(1000)).toBe(0);
    for (const at of [1100, 1200, 2600, 2700]) gap.heard(at);
    expect(gap.until(2750)).toBe(1400);
    expect(gap.until(9700)).toBe(7000);
    const slow = new LongestGap(0);
    slow.heard(500);
    expect(slow.until(600)).toBe(500);
  });

  it("does not grow when answers of several clients are told a little out of order", () => {
    const gap = new LongestGap(0);
    for (const at of [100, 90, 200]) gap.heard(at);
    expect(gap.until(200)).toBe(100);
  });
});

describe("numbers as runs", () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 60 })).map((all) => all.sort((a, b) => a - b));
  const runsOf = (all: readonly number[]) => {
    const runs: Run[] = [];
    for (const number of all) withNext(runs, number);
    return runs;
  };

  it("count and compare as the sets do", () => {
    fc.assert(
      fc.property(numbers, numbers, (wanted, there) => {
        const missing = wanted.filter((number) => !there.includes(number)).length;
        expect(countOf(runsOf(wanted))).toBe(wanted.length);
        expect(missingFrom(runsOf(wanted), runsOf(there).reverse())).toBe(missing);
      }),
    );
  });

  it("take no room while they follow each other, and refuse a number twice", () => {
    expect(runsOf([1, 2, 3, 5, 6])).toEqual([
      [1, 3],
      [5, 6],
    ]);
    expect(() => runsOf([3, 3])).toThrow("3 does not come after 3");
  });
});

describe("what is told of an update", () => {
  it("is one line when all went well", () => {
    expect(isClean(CLEAN)).toBe(true);
    expect(updateReport(CLEAN)).toEqual([
      "Measured during this update (41 s): longest write pause 1.4 s; 0 client errors; 812 writes acknowledged, 0 lost",
    ]);
  });

  it("names who waited noticeably longer, and each kind of error once", () => {
    const clientErrors = groupErrors([
      { pooler: "db-2", port: 6432, error: "Connection terminated unexpectedly", at: 12.04 },
      { pooler: "db-3", port: 6433, error: "Connection terminated unexpectedly", at: 13 },
      { pooler: "db-2", port: 6432, error: "Connection terminated unexpectedly", at: 14.51 },
    ]);
    const measured = { ...CLEAN, longestWritePauseOfOnePooler: { pooler: "db-2", seconds: 3.2 }, clientErrors };
    expect(isClean(measured)).toBe(false);
    expect(updateReport(measured)).toEqual([
      "Measured during this update (41 s): longest write pause 1.4 s; 3 client errors; 812 writes acknowledged, 0 lost",
      "  clients of db-2 waited longest: 3.2 s",
      "  db-2, port 6432: Connection terminated unexpectedly (2 times, from 12.0 s to 14.5 s)",
      "  db-3, port 6433: Connection terminated unexpectedly (once, at 13.0 s)",
    ]);
  });

  it("does not call it clean when a write is lost, or when nobody knows", () => {
    expect(updateReport({ ...CLEAN, writesLost: 2 })[0]).toContain("812 writes acknowledged, 2 LOST");
    expect(isClean({ ...CLEAN, writesLost: 2 })).toBe(false);
    expect(updateReport({ ...CLEAN, writesLost: null })[0]).toContain("whether any was lost is not known");
    expect(isClean({ ...CLEAN, writesLost: null })).toBe(false);
  });

  it("is shown by the status, and after the run that measured it", () => {
    expect(renderStatus(seen(scene()), { proof: PROOF })).toContain(
      "proof    longest write pause 1.4 s; 0 client errors; 812 writes acknowledged, 0 lost (2026-05-01 10:11 UTC, 7 steps in 41 s)\n",
    );
    expect(renderStatus(seen(scene()), { proof: null })).not.toContain("proof");
    const options = { changed: true, seconds: 60, showPassword: true };
    const at = Date.parse(PROOF.at);
    expect(summary({ proof: PROOF }, { ...options, started: at - 1 })).toContain("Measured during this update");
    expect(summary({ proof: PROOF }, { ...options, started: at + 1 })).not.toContain("Measured");
  });
});

describe("a client of the witness", () => {
  /** Poolers that accept or refuse, and logins that break when told. */
  function world() {
    const down = new Set<string>();
    const logins: { pooler: string; closed: boolean }[] = [];
    const logIn = async (pooler: string): Promise<Login> => {
      if (down.has(pooler)) throw new Error(`${pooler} does not answer`);
      const login = { pooler, closed: false };
      logins.push(login);
      return {
        pooler,
        query: async () => {
          if (down.has(pooler)) throw new Error("Connection terminated unexpectedly");
        },
        close: async () => {
          login.closed = true;
        },
      };
    };
    const answers: number[] = [];
    const client = new WitnessClient({
      home: "db-1",
      port: 6432,
      statement: "INSERT",
      numbered: true,
      others: () => ["db-1", "db-2"],
      logIn,
      now: () => performance.now(),
      onAnswer: (at) => answers.push(at),
    });
    const pooler = () => logins.findLast(({ closed }) => !closed)?.pooler;
    const more = async (count: number) => {
      const target = answers.length + count;
      while (answers.length < target) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    return { client, down, logins, answers, pooler, more };
  }

  it("sees one error when its pooler goes, works through another, and comes home", async () => {
    const { client, down, logins, answers, pooler, more } = world();
    const running = client.run();
    await more(2);
    client.begin(performance.now());
    down.add("db-1");
    await more(2);
    expect(pooler()).toBe("db-2");
    down.delete("db-1");
    while (pooler() !== "db-1") await more(1);
    client.stop();
    await running;
    expect(client.errors).toMatchObject([{ pooler: "db-1", port: 6432, error: "Connection terminated unexpectedly" }]);
    expect(countOf(client.acknowledged)).toBe(answers.length);
    expect(client.acknowledged, "the write that failed is not among them").toHaveLength(2);
    expect(logins.every(({ closed }) => closed)).toBe(true);
  });

  it("counts an error when no pooler lets it in, and none from before it began to count", async () => {
    const { client, down, more } = world();
    down.add("db-1").add("db-2");
    const running = client.run();
    while (client.trouble === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    down.clear();
    await more(1);
    client.begin(performance.now());
    expect(client.errors).toEqual([]);
    down.add("db-1").add("db-2");
    while (client.errors.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    client.stop();
    await running;
    expect(client.errors[1]?.error).toBe("no pooler lets it in: db-1 does not answer; db-2 does not answer");
    expect(client.longestGap(performance.now())).toBeGreaterThan(0);
  });
});
