import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CANDIDATE_LAG_BYTES, chooseCandidate, refusalOf } from "../../components/operate/candidate";
import { lag, scene, seen, tag } from "./operate-fixture";

const MB = 1024 * 1024;

describe("who takes over", () => {
  it("prefers the leader's zone over less lag, and less lag within a zone", () => {
    const zones = { "db-1": "a", "db-2": "b", "db-3": "a", "db-4": "a" };
    const from = scene(["db-1", "db-2", "db-3", "db-4"], { zones });
    lag(from, "db-3", 8 * MB);
    lag(from, "db-4", 4 * MB);
    expect(chooseCandidate(seen(from))).toMatchObject({ kind: "chosen", candidate: "db-4" });
    from.unreachable.set("db-3", "gone").set("db-4", "gone");
    expect(chooseCandidate(seen(from))).toMatchObject({ kind: "chosen", candidate: "db-2" });
  });

  it("does not let noise in the lag decide between equals", () => {
    const from = lag(lag(scene(), "db-2", 900), "db-3", 0);
    expect(chooseCandidate(seen(from))).toMatchObject({ candidate: "db-2" });
  });

  it("takes the one that was asked for, or none", () => {
    expect(chooseCandidate(seen(scene()), { wanted: "db-3" })).toMatchObject({ candidate: "db-3" });
    const far = lag(scene(), "db-3", CANDIDATE_LAG_BYTES + 1);
    expect(chooseCandidate(seen(far), { wanted: "db-3" })).toMatchObject({ kind: "refused" });
    expect(chooseCandidate(seen(scene()), { wanted: "db-9" })).toMatchObject({ kind: "refused" });
    expect(chooseCandidate(seen(scene()), { wanted: "db-1" })).toMatchObject({ kind: "refused" });
  });

  it.each([
    ["a member tagged nofailover", { nofailover: true }],
    ["a member with failover priority 0", { failover_priority: 0 }],
  ])("never takes %s", (_, tags) => {
    const from = tag(scene(["db-1", "db-2"]), "db-2", tags);
    expect(chooseCandidate(seen(from))).toMatchObject({ kind: "refused" });
  });

  it("takes a standby that acknowledges, in a synchronous cluster, and any in an asynchronous one", () => {
    const from = scene(["db-1", "db-2", "db-3"], { mode: true });
    const sender = from.reports.get("db-1")?.postgresql;
    if (!sender) throw new Error("fixture");
    sender.replication = sender.replication.map((s) => ({ ...s, sync: s.member === "db-3" ? "sync" : "async" }));
    expect(chooseCandidate(seen(from))).toMatchObject({ candidate: "db-3" });
    const async = scene(["db-1", "db-2", "db-3"], { mode: false });
    expect(chooseCandidate(seen(async))).toMatchObject({ candidate: "db-2" });
  });

  it("does not take a replica of a replica", () => {
    const from = scene(["db-1", "db-2"], { mode: false });
    const pg = from.reports.get("db-2")?.postgresql;
    if (!pg) throw new Error("fixture");
    pg.receiver = { status: "streaming", timeline: 4, slot: "x", from: "198.18.0.99" };
    expect(refusalOf(seen(from), "db-2")).toContain("streams from another replica");
  });

  it("says why for every member when nobody is fit", () => {
    const from = scene();
    from.unreachable.set("db-2", "gone");
    lag(from, "db-3", 100 * MB);
    const choice = chooseCandidate(seen(from));
    expect(choice).toMatchObject({ kind: "refused" });
    if (choice.kind === "refused") expect(choice.reasons.join()).toMatch(/db-2.*db-3.*100 MB behind/);
  });

  const anyScene = fc
    .record({
      count: fc.integer({ min: 1, max: 6 }),
      lags: fc.array(fc.nat(40 * MB), { minLength: 6, maxLength: 6 }),
      gone: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      zones: fc.array(fc.constantFrom("a", "b"), { minLength: 6, maxLength: 6 }),
      nofailover: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
    })
    .map(({ count, lags, gone, zones, nofailover }) => {
      const keys = Array.from({ length: count }, (_, i) => `db-${i + 1}`);
      const from = scene(keys, {
        zones: Object.fromEntries(keys.map((k, i) => [k, zones[i] as string])),
        mode: "quorum",
      });
      keys.forEach((key, i) => {
        if (i === 0) return;
        lag(from, key, lags[i] as number);
        if (gone[i]) from.unreachable.set(key, "gone");
        if (nofailover[i]) tag(from, key, { nofailover: true });
      });
      return { from, keys, lags, gone, zones, nofailover };
    });

  it("property: the chosen one is always fit, and one is chosen whenever any is fit", () => {
    fc.assert(
      fc.property(anyScene, ({ from, keys, lags, gone, nofailover }) => {
        const fit = keys.filter(
          (_, i) => i > 0 && !gone[i] && !nofailover[i] && (lags[i] as number) <= CANDIDATE_LAG_BYTES,
        );
        const choice = chooseCandidate(seen(from));
        if (choice.kind === "chosen") expect(fit).toContain(choice.candidate);
        else expect(fit).toEqual([]);
      }),
    );
  });

  it("property: another zone only when nobody in the leader's is fit; avoided members never", () => {
    fc.assert(
      fc.property(
        anyScene,
        fc.integer({ min: 2, max: 6 }),
        ({ from, keys, lags, gone, zones, nofailover }, avoided) => {
          const avoid = [`db-${avoided}`];
          const near = keys.filter(
            (k, i) =>
              i > 0 &&
              !gone[i] &&
              !nofailover[i] &&
              (lags[i] as number) <= CANDIDATE_LAG_BYTES &&
              zones[i] === zones[0] &&
              !avoid.includes(k),
          );
          const choice = chooseCandidate(seen(from), { avoid });
          if (choice.kind !== "chosen") return;
          expect(avoid).not.toContain(choice.candidate);
          if (near.length > 0) expect(near).toContain(choice.candidate);
        },
      ),
    );
  });

  it("property: the order in which machines are listed changes nothing", () => {
    fc.assert(
      fc.property(anyScene, ({ from }) => {
        const observation = seen(from);
        const turned = { ...observation, machines: [...observation.machines].reverse() };
        const [one, other] = [chooseCandidate(observation), chooseCandidate(turned)];
        if (one.kind === "chosen") expect(other).toEqual(one);
        else expect(other.kind).toBe("refused");
      }),
    );
  });
});
