/** The order of the steps in the cases that a DBA asks for, wherever the leader is. */
import { describe, expect, it } from "vitest";
import { type LivingCluster, type ReachableMember, rollout, type Step, unsettled } from "../../components/plan/change";
import type { ClusterSpec } from "../../components/spec";
import { dead, declare, living, machine, machines, withMember } from "./change-fixtures";
import { Simulator } from "./change-simulator";

/** Steps in short, without the frame of checks around them. */
function short(steps: readonly Step[]): string[] {
  return steps
    .filter(({ kind }) => kind !== "preflight" && kind !== "verify")
    .map((step) => {
      switch (step.kind) {
        case "switchover":
          return `switchover ${step.from} ${step.to}`;
        case "restart-member":
          return `restart ${step.member}${step.role === "leader" ? " in place" : ""} ${step.parameters.join(",")}`;
        case "config-apply":
          return `config ${step.parameters.map(({ name }) => name).join(",")}${step.held.length > 0 ? ` holding ${step.held.join(",")}` : ""}`;
        case "durability-change":
          return `durability ${step.to.mode} ${step.to.standbys}`;
        case "pooler-change":
          return `pooler ${step.change} ${step.machines.join(",")}`;
        case "hba":
        case "reload":
          return `${step.kind} ${step.members.join(",")}`;
        case "bootstrap":
          return `bootstrap ${step.members.join(",")}`;
        case "resume-poolers":
          return `resume ${step.machines.join(",")}`;
        case "preflight":
        case "verify":
          return step.kind;
        default:
          return `${step.kind} ${"member" in step ? step.member : step.machine}`;
      }
    });
}

/** The plan, carried out in the simulator as well. */
function plan(before: ClusterSpec, after: ClusterSpec, state: LivingCluster = living(before)): string[] {
  const { steps, refusals, unknown } = rollout(before, after, state);
  expect(refusals).toEqual([]);
  expect(unknown).toEqual([]);
  const simulator = new Simulator(state, after);
  simulator.run(steps);
  expect(simulator.differences()).toEqual([]);
  return short(steps);
}

const three = declare();
const parameters = (values: Record<string, string | number>) => declare({ postgresql: { parameters: values } });

describe("parameters", () => {
  it("that are read again need no more than to be written", () => {
    expect(plan(three, parameters({ checkpoint_timeout: "20min" }))).toEqual(["config checkpoint_timeout"]);
  });

  it.each(["db-1", "db-2", "db-3"])("that need a restart: replicas, then one switchover, with %s leading", (leader) => {
    const [a, b] = ["db-1", "db-2", "db-3"].filter((key) => key !== leader);
    expect(plan(three, parameters({ wal_buffers: "64MB" }), living(three, leader))).toEqual([
      "config wal_buffers",
      `restart ${a} wal_buffers`,
      `restart ${b} wal_buffers`,
      `switchover ${leader} ${a}`,
    ]);
  });

  it("that rise go to the replicas first", () => {
    expect(plan(three, parameters({ max_wal_senders: 60 }))).toEqual([
      "config max_wal_senders",
      "restart db-2 max_wal_senders",
      "restart db-3 max_wal_senders",
      "switchover db-1 db-2",
    ]);
  });

  it("that fall go to the leader first, where it is, and move nobody", () => {
    expect(plan(three, parameters({ max_wal_senders: 10 }), living(three, "db-2"))).toEqual([
      "config max_wal_senders",
      "restart db-2 in place max_wal_senders",
      "restart db-1 max_wal_senders",
      "restart db-3 max_wal_senders",
    ]);
  });

  it("that rise and fall take two passes", () => {
    expect(plan(three, parameters({ max_wal_senders: 10, max_worker_processes: 40 }))).toEqual([
      "config max_worker_processes holding max_wal_senders",
      "restart db-2 max_worker_processes",
      "restart db-3 max_worker_processes",
      "config max_wal_senders",
      "restart db-1 in place max_wal_senders,max_worker_processes",
      "restart db-2 max_wal_senders",
      "restart db-3 max_wal_senders",
    ]);
  });

  it("that were taken away are taken out of Patroni's configuration, and their default comes into force", () => {
    const steps = rollout(
      parameters({ wal_buffers: "64MB" }),
      three,
      living(parameters({ wal_buffers: "64MB" })),
    ).steps;
    const config = steps.find((step) => step.kind === "config-apply");
    expect(config).toMatchObject({ parameters: [{ name: "wal_buffers", from: "64MB", to: undefined }] });
    expect(short(steps)).toContain("restart db-2 wal_buffers");
  });

  it("that somebody put into Patroni's configuration by hand are taken out again", () => {
    const state = living(three);
    const drifted = {
      ...state,
      configuration: {
        ...state.configuration,
        parameters: { ...state.configuration.parameters, work_mem: "1GB", log_statement: "all" },
      },
    };
    expect(plan(three, three, drifted)).toEqual(["config log_statement,work_mem"]);
  });

  it("that one member has not got yet restart only that one", () => {
    const after = parameters({ wal_buffers: "64MB" });
    const state = living(after);
    const late = { ...(state.members["db-3"] as ReachableMember).parameters, wal_buffers: "4MB" };
    const behind = withMember(state, "db-3", { parameters: late, pendingRestart: ["wal_buffers"] });
    expect(plan(after, after, behind)).toEqual(["restart db-3 wal_buffers"]);
  });

  it("that PostgreSQL shows in another way than they were written restart nothing", () => {
    const state = living(three);
    const shown = { ...(state.members["db-2"] as ReachableMember).parameters };
    shown.shared_buffers = "524288";
    shown.shared_preload_libraries = "pg_stat_statements, auto_explain";
    expect(plan(three, three, withMember(state, "db-2", { parameters: shown }))).toEqual([]);
  });

  it("restart the only member where it is", () => {
    const one = declare({ machines: machines("db-1") });
    const after = declare({ machines: machines("db-1"), postgresql: { parameters: { wal_buffers: "64MB" } } });
    expect(plan(one, after)).toEqual(["config wal_buffers", "restart db-1 in place wal_buffers"]);
  });
});

describe("the turn of the members", () => {
  const after = parameters({ wal_buffers: "64MB" });
  const restarts = (steps: string[]) =>
    steps.filter((step) => step.startsWith("restart")).map((step) => step.split(" ")[1]);

  it("comes to those that never lead first", () => {
    const lazy = (changes = {}) =>
      declare({
        machines: { "db-1": machine({ member: { mayLead: false } }), ...machines("db-2", "db-3", "db-4") },
        etcd: { voters: ["db-2", "db-3", "db-4"] },
        ...changes,
      });
    const steps = plan(lazy(), lazy({ postgresql: { parameters: { wal_buffers: "64MB" } } }), living(lazy(), "db-3"));
    expect(restarts(steps)[0]).toBe("db-1");
  });

  it("comes to the most lagging first, and the candidate is the one that lags least", () => {
    const state = withMember(living(three), "db-2", { replayLagBytes: 1024 });
    expect(plan(three, after, withMember(state, "db-3", { replayLagBytes: 20 * 1024 ** 2 }))).toEqual([
      "config wal_buffers",
      "restart db-3 wal_buffers",
      "restart db-2 wal_buffers",
      "switchover db-1 db-2",
    ]);
  });

  it("keeps the order of two looks between which members have replayed a little", () => {
    const at = (second: number, third: number) =>
      plan(
        three,
        after,
        withMember(withMember(living(three), "db-2", { replayLagBytes: second }), "db-3", { replayLagBytes: third }),
      ).slice(0, 2);
    expect(at(4096, 0)).toEqual(at(0, 4096));
  });

  it("is begun with the machine whose turn it is", () => {
    const sized = (memory: string) =>
      declare({
        machines: Object.fromEntries(
          ["db-1", "db-2", "db-3"].map((key) => [key, machine({ size: { vcpu: 4, memory } })]),
        ),
      });
    const [old, grown] = [sized("16GB"), sized("24GB")];
    const first = (key: string) =>
      rollout(old, grown, living(old), { machine: key, for: "work" }).steps.find(({ kind }) => kind === "power-cycle");
    expect([first("db-2"), first("db-3")]).toMatchObject([{ machine: "db-2" }, { machine: "db-3" }]);
  });

  it("leaves the leader's own zone by choice never", () => {
    const zoned = (values = {}) =>
      declare({
        machines: { "db-1": machine(), "db-2": machine({ zone: "b" }), "db-3": machine() },
        postgresql: { parameters: values },
      });
    expect(plan(zoned(), zoned({ wal_buffers: "64MB" })).at(-1)).toBe("switchover db-1 db-3");
  });

  it("makes the candidate a named standby first, where Patroni hands over to named ones only", () => {
    const sync = (keys: string[], changes = {}) =>
      declare({ machines: machines(...keys), durability: { mode: "sync" }, etcd: { voters: ["db-1"] }, ...changes });
    // The named standby is db-2, and it leaves together with the leader.
    const steps = plan(
      sync(["db-1", "db-2", "db-3", "db-4"], { etcd: { voters: ["db-3"] } }),
      sync(["db-3", "db-4"], { etcd: { voters: ["db-3"] } }),
    );
    expect(steps.slice(-13)).toEqual([
      "pooler reload db-3,db-4",
      "durability sync 3",
      "switchover db-1 db-3",
      "durability sync 1",
      "leave-read-route db-2",
      "leave-patroni db-2",
      "drop-slot db-2",
      "pooler drained db-2",
      "delete-machine db-2",
      "leave-patroni db-1",
      "drop-slot db-1",
      "pooler drained db-1",
      "delete-machine db-1",
    ]);
  });
});

describe("machines", () => {
  const sized = (memory: string) =>
    declare({
      machines: Object.fromEntries(
        ["db-1", "db-2", "db-3"].map((key) => [key, machine({ size: { vcpu: 4, memory } })]),
      ),
    });

  it("are resized one by one, and their parameters come with the power cycle", () => {
    const { steps } = rollout(sized("16GB"), sized("32GB"), living(sized("16GB")));
    expect(short(steps).filter((step) => !step.startsWith("config"))).toEqual([
      "power-cycle db-2",
      "power-cycle db-3",
      "switchover db-1 db-2",
      "power-cycle db-1",
    ]);
    expect(steps.find((step) => step.kind === "power-cycle")).toMatchObject({ picksUp: ["shared_buffers"] });
    plan(sized("16GB"), sized("32GB"));
    plan(sized("32GB"), sized("16GB"));
  });

  it("grow their disks while in use, the leader's too", () => {
    const disk = (size: string) =>
      declare({ machines: { ...machines("db-2", "db-3"), "db-1": machine({ disks: { data: { size } } }) } });
    expect(plan(disk("200GB"), disk("300GB")).filter((step) => !step.startsWith("config"))).toEqual(["grow-disk db-1"]);
  });

  it("are made anew one by one, out of everything and back, the leader's last", () => {
    const after = declare({ platform: { kind: "lab", image: "b" }, confirm: "replace-machines" });
    const anew = (key: string) => [
      `leave-read-route ${key}`,
      `leave-patroni ${key}`,
      `drop-slot ${key}`,
      `remove-voter ${key}`,
      `replace-machine ${key}`,
      `add-voter ${key}`,
      `promote-voter ${key}`,
      `seed-member ${key}`,
      `admit-to-reads ${key}`,
    ];
    expect(plan(three, after)).toEqual([...anew("db-2"), ...anew("db-3"), "switchover db-1 db-2", ...anew("db-1")]);
  });

  it("that are dead are made anew without being asked", () => {
    const after = declare({
      machines: { ...machines("db-1", "db-2"), "db-3": machine({ zone: "b" }) },
      confirm: "replace-machines",
    });
    const { steps, executable } = rollout(three, after, dead(living(three), "db-3"));
    expect(executable).toBe(true);
    expect(short(steps)).toEqual([
      "leave-patroni db-3",
      "drop-slot db-3",
      "remove-voter db-3",
      "replace-machine db-3",
      "add-voter db-3",
      "promote-voter db-3",
      "seed-member db-3",
      "admit-to-reads db-3",
    ]);
  });

  it("get new software one by one, and PostgreSQL only where it is another version", () => {
    const pinned = (postgresql: string) => declare({ software: { postgresql } });
    const state = living(pinned("17.11-1"));
    const half = {
      ...state,
      machines: {
        ...state.machines,
        "db-2": { ...(state.machines["db-2"] as (typeof state.machines)[string]), versions: { postgresql: "17.12-1" } },
      },
    };
    expect(plan(pinned("17.11-1"), pinned("17.12-1"), half)).toEqual([
      "upgrade-software db-3",
      "switchover db-1 db-2",
      "upgrade-software db-1",
    ]);
  });

  it("get a new etcd without moving the leader", () => {
    const pinned = (etcd: string) => declare({ software: { etcd } });
    expect(plan(pinned("3.5.16-4"), pinned("3.5.17-1"))).toEqual([
      "upgrade-software db-2",
      "upgrade-software db-3",
      "upgrade-software db-1",
    ]);
  });
});

describe("members", () => {
  const of = (...keys: string[]) => declare({ machines: machines(...keys), confirm: ["weaker-durability"] });

  it("come from one to three: voters as learners one at a time, seeded, and admitted when they have caught up", () => {
    expect(plan(of("db-1"), of("db-1", "db-2", "db-3"))).toEqual([
      "pooler reload db-1",
      "add-voter db-2",
      "promote-voter db-2",
      "add-voter db-3",
      "promote-voter db-3",
      "seed-member db-2",
      "seed-member db-3",
      "admit-to-reads db-2",
      "admit-to-reads db-3",
      "durability quorum 1",
    ]);
  });

  it("go from three to one, the leader too: it hands over once, and each is done with before the next", () => {
    const steps = plan(of("db-1", "db-2", "db-3"), of("db-3"), living(of("db-1", "db-2", "db-3"), "db-2"));
    expect(steps.filter((step) => !step.startsWith("pooler reload"))).toEqual([
      "switchover db-2 db-3",
      "leave-read-route db-1",
      "leave-patroni db-1",
      "drop-slot db-1",
      "remove-voter db-1",
      "pooler drained db-1",
      "delete-machine db-1",
      "durability async 1",
      "leave-patroni db-2",
      "drop-slot db-2",
      "remove-voter db-2",
      "pooler drained db-2",
      "delete-machine db-2",
    ]);
  });

  it("come and go between one, three and five in every way", () => {
    const five = of("db-1", "db-2", "db-3", "db-4", "db-5");
    for (const leader of ["db-1", "db-3", "db-5"]) {
      plan(five, of("db-1", "db-2", "db-3"), living(five, leader));
      plan(five, of("db-5"), living(five, leader));
    }
    plan(of("db-1", "db-2", "db-3"), five, living(of("db-1", "db-2", "db-3"), "db-2"));
    plan(of("db-1"), five);
  });

  it("that are dead are removed without being asked, before anything else", () => {
    const state = dead(living(three), "db-2");
    expect(plan(three, of("db-1", "db-3", "db-4"), state)).toEqual([
      "leave-patroni db-2",
      "drop-slot db-2",
      "remove-voter db-2",
      "add-voter db-4",
      "promote-voter db-4",
      "seed-member db-4",
      "admit-to-reads db-4",
      "delete-machine db-2",
    ]);
  });

  it("that leave keep up until then, where the others rise", () => {
    const after = declare({
      machines: machines("db-1", "db-2", "db-4"),
      postgresql: { parameters: { max_wal_senders: 60 } },
    });
    const steps = plan(three, after);
    expect(steps.indexOf("restart db-3 max_wal_senders")).toBeGreaterThan(0);
    expect(steps.indexOf("restart db-3 max_wal_senders")).toBeLessThan(steps.indexOf("switchover db-1 db-2"));
  });

  it("that may no longer lead hand over, and stay", () => {
    const after = declare({
      machines: { ...machines("db-2", "db-3"), "db-1": machine({ member: { mayLead: false } }) },
      durability: { mode: "quorum" },
    });
    expect(plan(three, after)).toEqual(["reload db-1", "switchover db-1 db-2"]);
  });

  it("and voters on machines of their own move apart from each other", () => {
    const apart = (...voters: string[]) =>
      declare({
        machines: {
          ...machines("db-1", "db-2", "db-3"),
          ...Object.fromEntries(["e-1", "e-2", "e-3", "e-4"].map((key) => [key, machine({ member: false })])),
        },
        etcd: { voters },
        poolers: { machines: ["e-1", "e-2", "e-3", "e-4"] },
      });
    expect(plan(apart("e-1", "e-2", "e-3"), apart("e-2", "e-3", "e-4"))).toEqual([
      "add-voter e-4",
      "promote-voter e-4",
      "remove-voter e-1",
    ]);
  });
});

describe("the voters of machines that come at once", () => {
  it("join in the order in which their machines ask", () => {
    const one = declare({ machines: machines("db-1") });
    const three = declare({ machines: machines("db-1", "db-2", "db-3"), durability: { mode: "async" } });
    const joining = (first: string | undefined) =>
      rollout(one, three, living(one), first === undefined ? undefined : { machine: first, for: "vote" }).steps.find(
        ({ kind }) => kind === "add-voter",
      );
    expect(joining(undefined)).toMatchObject({ machine: "db-2" });
    expect(joining("db-3")).toMatchObject({ machine: "db-3" });
  });
});

describe("durability", () => {
  it("becomes stronger only with the standbys there, and weaker only when it has to", () => {
    const with2 = (mode: "async" | "quorum", keys: string[]) =>
      declare({
        machines: machines(...keys),
        durability: { mode },
        etcd: { voters: ["db-1"] },
        confirm: ["weaker-durability"],
      });
    const grow = plan(with2("async", ["db-1"]), with2("quorum", ["db-1", "db-2"]));
    expect(grow.indexOf("durability quorum 1")).toBeGreaterThan(grow.indexOf("admit-to-reads db-2"));
    const shrink = plan(with2("quorum", ["db-1", "db-2"]), with2("async", ["db-1"]));
    expect(shrink.indexOf("durability async 1")).toBe(shrink.indexOf("leave-patroni db-2") - 1);
  });

  it("that is strict and becomes weaker does so before it would stop writes", () => {
    // Two members cannot be declared strict; a third that is to be added by hand has not come yet.
    const pair = (strict: boolean, values = {}): ClusterSpec => ({
      ...declare({
        machines: machines("db-1", "db-2"),
        etcd: { voters: ["db-1"] },
        postgresql: { parameters: values },
        confirm: ["weaker-durability"],
      }),
      durability: { mode: "sync", strict, standbys: 1 },
    });
    expect(plan(pair(true), pair(false, { wal_buffers: "64MB" })).slice(0, 3)).toEqual([
      "config wal_buffers",
      "durability sync 1",
      "restart db-2 wal_buffers",
    ]);
    const { steps } = rollout(pair(true), pair(true, { wal_buffers: "64MB" }), living(pair(true)));
    const restart = steps.find((step) => step.kind === "restart-member");
    expect(restart?.standing.writes).toEqual({ kind: "pause", seconds: 3 });
    expect(restart?.standing.notes).toContain("writes wait for a standby");
  });
});

describe("what stands while a step runs", () => {
  it("is told for each step", () => {
    const { steps } = rollout(three, parameters({ wal_buffers: "64MB" }), living(three));
    const standing = (kind: string) => steps.find((step) => step.kind === kind)?.standing;
    expect(standing("restart-member")).toEqual({
      writes: { kind: "flow" },
      readReplicas: { during: 1, of: 2 },
      etcdMayLose: 1,
      standIns: 1,
      acknowledging: { during: 1, needed: 1 },
      notes: [],
    });
    expect(standing("switchover")).toMatchObject({ writes: { kind: "pause", seconds: 2 }, standIns: 1 });
    expect(standing("config-apply")).toMatchObject({ writes: { kind: "flow" }, readReplicas: { during: 2, of: 2 } });
  });

  it("says that nobody can lead while the only voter is away", () => {
    const pair = (memory: string) =>
      declare({
        machines: { "db-1": machine({ size: { vcpu: 4, memory } }), "db-2": machine() },
        etcd: { voters: ["db-1"] },
      });
    const plan = rollout(pair("16GB"), pair("24GB"), living(pair("16GB"), "db-2"));
    const cycle = plan.steps.find((step) => step.kind === "power-cycle");
    expect(cycle?.standing).toMatchObject({ writes: { kind: "pause", seconds: 20 }, etcdMayLose: -1 });
    expect(plan.warnings.map(({ text }) => text).join()).toContain("etcd has one voter");
  });
});

describe("a run", () => {
  it("that nothing has been done by yet forms the cluster", () => {
    const plan = rollout(undefined, three, { kind: "absent" });
    expect(plan.executable).toBe(true);
    expect(short(plan.steps)).toEqual(["bootstrap db-1,db-2,db-3"]);
  });

  it("that was killed while it formed the cluster goes on from what is there", () => {
    const one = living(declare({ machines: machines("db-1") }));
    const { steps, executable } = rollout(undefined, three, one);
    expect(executable).toBe(true);
    expect(short(steps)).toContain("seed-member db-3");
  });

  it("that was killed with the poolers paused resumes them first", () => {
    const state = living(three);
    const paused = {
      ...state,
      machines: {
        ...state.machines,
        "db-2": { ...(state.machines["db-2"] as (typeof state.machines)[string]), pooler: "paused" as const },
      },
      unfinished: { step: "Switchover db-1 to db-2", owner: "host 1234", run: "gone" as const },
    };
    const plan = rollout(three, three, paused);
    expect(short(plan.steps)).toEqual(["resume db-2"]);
    expect(plan.warnings.map(({ text }) => text).join()).toContain("Switchover db-1 to db-2");
  });

  it("does not guess about a cluster that it cannot see", () => {
    const plan = rollout(three, parameters({ wal_buffers: "64MB" }), {
      kind: "unreachable",
      reasons: ["db-1: no answer"],
    });
    expect(plan).toMatchObject({ executable: false, steps: [], refusals: [] });
    expect(plan.unknown).toEqual([{ what: "who leads, and how the members are", why: "db-1: no answer" }]);
    expect(plan.changes).toHaveLength(1);
  });

  it("disturbs nothing while facts are missing, and goes on with what disturbs nothing", () => {
    const state = { ...living(three), unknown: [{ what: "replay lag of db-3", why: "timeout" }] };
    expect(rollout(three, parameters({ wal_buffers: "64MB" }), state).executable).toBe(false);
    expect(rollout(three, parameters({ work_mem: "64MB" }), state).executable).toBe(true);
  });

  it("need not know what a dead machine that goes would tell", () => {
    const unknown = [{ what: "packages of db-2", why: "no answer over SSH within 5 s", machine: "db-2" }];
    const state = { ...dead(living(three), "db-2"), unknown };
    const without = (keys: string[]) =>
      declare({
        machines: machines(...keys),
        etcd: { voters: ["db-1"] },
        postgresql: { parameters: { wal_buffers: "64MB" } },
        confirm: ["weaker-durability"],
      });
    const gone = rollout(three, without(["db-1", "db-3"]), state);
    expect(gone).toMatchObject({ executable: true, unknown: [] });
    expect(short(gone.steps)).toContain("restart db-3 wal_buffers");
    expect(rollout(three, without(["db-1", "db-2", "db-3"]), state).executable).toBe(false);
  });

  it("does not take a machine for another that does not tell what it is", () => {
    const state = living(three);
    const machines = Object.fromEntries(
      Object.entries(state.machines).map(([key, it]) => [key, { ...it, image: undefined }]),
    );
    const after = declare({ platform: { kind: "lab", image: "b" }, confirm: "replace-machines" });
    const plan = rollout(three, after, { ...state, machines });
    expect(plan.executable).toBe(false);
    expect(plan.unknown.map(({ what }) => what)).toEqual(["image of db-1", "image of db-2", "image of db-3"]);
  });

  it("waits between steps for members that are not back", () => {
    const state = living(three);
    expect(unsettled(three, state)).toEqual([]);
    expect(unsettled(three, withMember(state, "db-2", { state: "starting" }))).toEqual(["db-2 is starting"]);
    expect(unsettled(three, withMember(state, "db-2", { timeline: 7 }))).toEqual([
      "db-2 is on timeline 7, its leader on 1",
    ]);
    expect(unsettled(three, { ...state, leader: undefined })).toContain("no member leads");
    expect(unsettled(three, dead(state, "db-3"))).toEqual([
      "db-3 does not answer (no answer over SSH within 5 s)",
      "etcd on db-3 is not healthy",
    ]);
  });
});
