/** What is refused, with its reason and what to do; and that the same change is planned once nothing stands against it. */
import { describe, expect, it } from "vitest";
import { type ClusterState, type RefusalCode, type RolloutPlan, rollout } from "../../components/plan/change";
import type { ClusterSpec } from "../../components/spec";
import { dead, declare, living, machine, machines, withMember } from "./change-fixtures";

const three = declare();
const restart = declare({ postgresql: { parameters: { wal_buffers: "64MB" } } });

function codes(plan: RolloutPlan): RefusalCode[] {
  return plan.refusals.map(({ code }) => code);
}

/** Refused with this code: nothing will be done, and the refusal says what stands against it and what to do. */
function refuses(code: RefusalCode, before: ClusterSpec, after: ClusterSpec, state: ClusterState, says: RegExp): void {
  const plan = rollout(before, after, state);
  expect(codes(plan)).toContain(code);
  expect(plan).toMatchObject({ executable: false, steps: [] });
  const refusal = plan.refusals.find((one) => one.code === code);
  expect(refusal?.reason).toMatch(says);
  expect(refusal?.advice.length).toBeGreaterThan(10);
}

function allows(before: ClusterSpec, after: ClusterSpec, state: ClusterState): void {
  const plan = rollout(before, after, state);
  expect(plan.refusals).toEqual([]);
  expect(plan.executable).toBe(true);
}

describe("etcd", () => {
  const apart = (voters: string[], memory = "16GB") =>
    declare({
      machines: {
        ...machines("db-1", "db-2"),
        ...Object.fromEntries(
          ["e-1", "e-2", "e-3"].map((key) => [key, machine({ member: false, size: { vcpu: 4, memory } })]),
        ),
      },
      etcd: { voters },
      poolers: { machines: ["e-1", "e-2", "e-3"] },
    });
  const sick = (state: ReturnType<typeof living>, ...keys: string[]) => ({
    ...state,
    etcd: { members: state.etcd.members.map((voter) => ({ ...voter, healthy: !keys.includes(voter.key) })) },
  });
  const all = apart(["e-1", "e-2", "e-3"]);

  it("is not brought under its majority by a power cycle", () => {
    const larger = apart(["e-1", "e-2", "e-3"], "24GB");
    refuses("etcd-majority", all, larger, sick(living(all), "e-2"), /power cycle stops etcd on e-1.*2 of 3.*e-2 not/);
    allows(all, larger, living(all));
  });

  it("is not brought under its majority by taking voters out, except the dead ones", () => {
    const one = apart(["e-3"]);
    refuses("etcd-majority", all, one, sick(living(all), "e-3"), /taking e-1 out of etcd.*e-3 not/);
    allows(all, one, sick(living(all), "e-1"));
    allows(all, one, living(all));
  });

  it("is not touched when it has no majority", () => {
    refuses("etcd-majority", three, restart, sick(living(three), "db-1", "db-2"), /no majority: 1 of 3/);
  });

  it("gets no even number of voters", () => {
    const two = { ...three, etcd: { voters: ["db-1", "db-2"] } };
    refuses("even-voters", three, two, living(three), /2 voters \(db-1, db-2\)/);
  });

  it("never has more than seven voters on the way", () => {
    const five = (...keys: string[]) => declare({ machines: machines(...keys) });
    const before = five("db-1", "db-2", "db-3", "db-4", "db-5");
    refuses("too-many-voters", before, five("db-11", "db-12", "db-13", "db-14", "db-15"), living(before), /8 voters/);
    allows(before, five("db-11", "db-12", "db-3", "db-4", "db-5"), living(before));
  });

  it("does not lose its only voter", () => {
    const pair = (zone: string) =>
      declare({
        machines: { "db-1": machine({ zone }), "db-2": machine() },
        etcd: { voters: ["db-1"] },
        confirm: ["replace-machines"],
      });
    refuses("etcd-majority", pair("a"), pair("b"), living(pair("a"), "db-2"), /db-1 is the only voter/);
  });
});

describe("durability", () => {
  it("is not declared beyond what the members can give", () => {
    const two = { ...three, durability: { mode: "sync" as const, strict: false, standbys: 3 } };
    refuses("durability-standbys", three, two, living(three), /by 3 standbys, and 2 of the declared members can/);
  });

  it("is not made stronger while the standbys are not there", () => {
    const loose = declare({ durability: { mode: "async" } });
    const strong = declare({ durability: { mode: "sync", standbys: 2 } });
    refuses(
      "durability-standbys",
      loose,
      strong,
      withMember(living(loose), "db-3", { state: "starting" }),
      /needs 2 standbys.*would be 1/,
    );
    allows(loose, strong, living(loose));
  });

  it("that is strict is kept while a machine is made anew", () => {
    const pair = (zone: string): ClusterSpec => ({
      ...declare({
        machines: { "db-1": machine({ zone }), "db-2": machine() },
        etcd: { voters: ["db-2"] },
        confirm: ["replace-machines"],
      }),
      durability: { mode: "sync", strict: true, standbys: 1 },
    });
    refuses(
      "durability-standbys",
      pair("a"),
      pair("b"),
      living(pair("a"), "db-2"),
      /strict durability, while db-1 is made anew/,
    );
  });

  it("is not weakened without being confirmed", () => {
    const async = (confirm: ("weaker-durability" | "replace-machines")[]) =>
      declare({ durability: { mode: "async" }, confirm });
    refuses("weaker-durability", three, async([]), living(three), /durability|quorum to async/);
    refuses("weaker-durability", three, async(["replace-machines"]), living(three), /quorum to async weakens/);
    allows(three, async(["weaker-durability"]), living(three));
    const [warning] = rollout(three, async(["weaker-durability"]), living(three)).warnings;
    expect(warning).toMatchObject({ kind: "durability" });
  });
});

describe("the last ones", () => {
  it("the last member does not go", () => {
    const none = { ...three, machines: { "db-1": { ...three.machines["db-1"], member: false } } } as ClusterSpec;
    refuses("last-member", three, none, living(three), /data would be gone/);
  });

  it("nor the last one that may lead", () => {
    const lazy = Object.fromEntries(
      Object.entries(three.machines).map(([key, it]) => [key, { ...it, member: { mayLead: false, takesReads: true } }]),
    );
    refuses(
      "last-electable",
      three,
      { ...three, machines: lazy },
      living(three),
      /no member of the declaration may lead/,
    );
    const one = declare({
      machines: { "db-1": machine(), "db-2": machine({ member: { mayLead: false } }) },
      etcd: { voters: ["db-2"] },
      confirm: ["replace-machines"],
    });
    const moved = declare({
      machines: { "db-1": machine({ zone: "b" }), "db-2": machine({ member: { mayLead: false } }) },
      etcd: { voters: ["db-2"] },
      confirm: ["replace-machines"],
    });
    refuses("last-electable", one, moved, living(one), /db-1 leads and would have to hand over/);
  });

  it("nor the only copy of the data", () => {
    const one = (zone: string) =>
      declare({
        machines: { "db-1": machine({ zone }), "e-1": machine({ member: false }) },
        etcd: { voters: ["e-1"] },
        confirm: ["replace-machines"],
      });
    refuses("only-copy", one("a"), one("b"), living(one("a")), /only copy of the data/);
  });
});

describe("machines", () => {
  const sized = (memory: string, buffers?: string) =>
    declare({
      machines: Object.fromEntries(
        ["db-1", "db-2", "db-3"].map((key) => [key, machine({ size: { vcpu: 4, memory } })]),
      ),
      ...(buffers === undefined
        ? {}
        : { postgresql: { parameters: { shared_buffers: buffers } as Record<string, string> } }),
    });

  it("do not shrink their disks in place, nor anew below what is in use", () => {
    const disk = (size: string, confirm: "replace-machines"[] = []) =>
      declare({ machines: { ...machines("db-1", "db-2"), "db-3": machine({ disks: { data: { size } } }) }, confirm });
    const state = living(disk("200GB"));
    refuses("smaller-disk", disk("200GB"), disk("100GB"), state, /200GB to 100GB.*replace-machines/);
    allows(disk("200GB"), disk("100GB", ["replace-machines"]), state);
    const it = state.machines["db-3"] as (typeof state.machines)[string];
    const full = { ...it, disks: { data: { sizeBytes: 200 * 1024 ** 3, freeBytes: 100 * 1024 ** 3 } } };
    const filled = { ...state, machines: { ...state.machines, "db-3": full } };
    refuses(
      "disk-too-full",
      disk("200GB"),
      disk("100GB", ["replace-machines"]),
      filled,
      /100GB are in use.*80 % of 100GB/,
    );
  });

  it("keep the memory that shared_buffers needs", () => {
    const tight = { ...sized("4GB"), postgresql: sized("16GB", "4GB").postgresql } as ClusterSpec;
    refuses(
      "memory",
      sized("16GB", "4GB"),
      tight,
      living(sized("16GB", "4GB")),
      /shared_buffers is 4GB and the machine has 4GB/,
    );
  });

  it("do not grow so fast that a member could not start before its turn", () => {
    refuses("memory", sized("8GB"), sized("64GB"), living(sized("8GB")), /8GB until its turn.*16GB before/);
    allows(sized("8GB"), sized("24GB"), living(sized("8GB")));
  });

  it("of the user's own are not tuned for what they do not have", () => {
    const hostKeys = Object.fromEntries(["db-1", "db-2", "db-3"].map((key) => [key, `ssh-ed25519 ${"A".repeat(68)}`]));
    const own = (memory: string) =>
      declare({
        platform: { kind: "ssh", hostKeys },
        machines: Object.fromEntries(
          ["db-1", "db-2", "db-3"].map((key, i) => [
            key,
            machine({ address: `10.0.0.${i + 1}`, size: { vcpu: 4, memory } }),
          ]),
        ),
      });
    refuses(
      "machine-smaller-than-declared",
      own("16GB"),
      own("32GB"),
      living(own("16GB")),
      /db-1 has 16GB of memory, and 32GB/,
    );
    allows(own("16GB"), own("32GB"), living(own("32GB")));
  });

  it("that are protected keep their data", () => {
    const kept = (changes: Parameters<typeof declare>[0]) => declare({ protection: true, ...changes });
    const [before, fewer] = [kept({ machines: machines("db-1", "db-2", "db-3", "db-4", "db-5") }), kept({})];
    refuses("protected-data", before, fewer, living(before), /volume would be deleted/);
    allows(before, { ...fewer, protection: false }, living(before));
    const image = (confirm: "replace-machines"[]) => kept({ platform: { kind: "lab", image: "b" }, confirm });
    refuses("replacement-unconfirmed", kept({}), image([]), living(kept({})), /db-1, db-2, db-3 would be made anew/);
    allows(kept({}), image(["replace-machines"]), living(kept({})));
  });

  it("that do not answer are not worked on, and nothing else is disturbed meanwhile", () => {
    refuses("member-down", three, restart, dead(living(three), "db-3"), /db-3 does not answer/);
    const reload = declare({ postgresql: { parameters: { work_mem: "64MB" } } });
    allows(three, reload, dead(living(three), "db-3"));
    // The first member's own files change with it.
    refuses("member-down", three, reload, dead(living(three, "db-2"), "db-1"), /db-1 does not answer/);
    refuses(
      "member-down",
      three,
      restart,
      withMember(living(three), "db-2", { state: "running" }),
      /db-2 is not streaming/,
    );
    refuses(
      "member-down",
      three,
      restart,
      withMember(living(three), "db-2", { timeline: 9 }),
      /timeline 9, its leader on 1/,
    );
  });
});

describe("the cluster as it is", () => {
  it("has a leader", () => {
    refuses("no-leader", three, restart, { ...living(three), leader: undefined }, /no member leads/);
  });

  it("has a candidate that has replayed nearly everything, received and replayed", () => {
    const far = ["db-2", "db-3"].reduce(
      (state, key) => withMember(state, key, { replayLagBytes: 900 * 1024 ** 2 }),
      living(three),
    );
    refuses("replica-behind", three, restart, far, /db-2 by 900MB, db-3 by 900MB \(at most 16MB\)/);
    allows(three, restart, withMember(far, "db-3", { replayLagBytes: 0 }));
    // A change that moves nobody does not mind.
    allows(three, declare({ postgresql: { parameters: { work_mem: "64MB" } } }), far);
  });

  it("has a candidate at all", () => {
    const pair = (values = {}) =>
      declare({
        machines: { "db-1": machine(), "db-2": machine(), "db-3": machine({ member: { mayLead: false } }) },
        etcd: { voters: ["db-1", "db-2", "db-3"] },
        postgresql: { parameters: values },
      });
    // db-2 is made anew by somebody and not back yet.
    const { "db-2": _, ...members } = living(pair()).members;
    const state = { ...living(pair()), members, slots: ["db-3"] };
    allows(pair(), pair({ wal_buffers: "64MB" }), state);
  });

  it("is worked on by one run at a time", () => {
    const unfinished = { step: "db-2 restarts", owner: "host 4711" };
    refuses(
      "unfinished-step",
      three,
      restart,
      { ...living(three), unfinished: { ...unfinished, run: "working" } },
      /db-2 restarts/,
    );
    allows(three, restart, { ...living(three), unfinished: { ...unfinished, run: "gone" } });
  });

  it("warns of transactions that a pause would wait for", () => {
    const long = { member: "db-1", pid: 42, ageSeconds: 900, user: "report", application: "psql" };
    const state = { ...living(three), longTransactions: [long] };
    expect(
      rollout(three, restart, state)
        .warnings.map(({ text }) => text)
        .join(),
    ).toMatch(/db-1 .*900 s \(pid 42, report, psql\)/);
    expect(rollout(three, declare({ postgresql: { parameters: { work_mem: "64MB" } } }), state).warnings).toEqual([]);
  });
});

describe("fields", () => {
  it("that would make another cluster are refused with the way to go", () => {
    const plan = rollout(three, declare({ name: "other" }), living(three));
    expect(codes(plan)).toEqual(["field-refused"]);
    expect(plan.refusals[0]?.reason).toMatch(/shop to other.*declare a new cluster/);
  });
});
