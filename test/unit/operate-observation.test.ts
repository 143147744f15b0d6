import { describe, expect, it } from "vitest";
import { allCaughtUp, caughtUp, describeBytes, leaderServes } from "../../components/operate/health";
import { machineIn } from "../../components/operate/observation";
import { clusterState } from "../../components/operate/state";
import { attentionOf, renderStatus } from "../../components/operate/status";
import { HEAD, lag, scene, seen, tag } from "./operate-fixture";

const MB = 1024 * 1024;

describe("interpreting the machines' reports", () => {
  it("finds the leader, lags in bytes, and each member's part in acknowledging", () => {
    const observation = seen(lag(scene(), "db-3", 3 * MB, MB));
    expect(observation.leader).toBe("db-1");
    expect(observation.problems).toEqual([]);
    const member = machineIn(observation, "db-3").member;
    expect(member).toMatchObject({ role: "replica", state: "streaming", sync: "quorum", timeline: 4 });
    expect(member).toMatchObject({ receiveLagBytes: MB, replayLagBytes: 3 * MB, replayLagSeconds: 0.5 });
    expect(machineIn(observation, "db-1").member).toMatchObject({ role: "leader", receiveLagBytes: 0, sync: null });
  });

  it("counts a replica that is ahead of the leader's older report as not behind", () => {
    const observation = seen(lag(scene(), "db-2", -100, -100));
    expect(machineIn(observation, "db-2").member).toMatchObject({ receiveLagBytes: 0, replayLagBytes: 0 });
  });

  it("reports a machine that does not answer, and still knows its member from the others", () => {
    const from = scene();
    from.unreachable.set("db-3", "no answer within 3 s");
    const observation = seen(from);
    const machine = machineIn(observation, "db-3");
    expect(machine.reachable).toBe(false);
    expect(machine.member).toMatchObject({ role: "replica", answers: false, replayLagBytes: null });
    expect(observation.problems).toContainEqual({ where: "db-3", what: "the machine", why: "no answer within 3 s" });
    expect(observation.etcd).toMatchObject({ voters: 3, healthyVoters: 2, hasMajority: true });
  });

  it("knows no lag, and says so, when the leader's machine does not answer", () => {
    const from = scene();
    from.unreachable.set("db-1", "gone");
    const observation = seen(from);
    expect(observation.leader).toBe("db-1");
    expect(machineIn(observation, "db-2").member?.replayLagBytes).toBeNull();
    expect(leaderServes(observation).ok).toBe(false);
  });

  it("takes the etcd membership of a voter that sees the majority, not of one that is cut off", () => {
    const from = scene();
    const cutOff = from.reports.get("db-1");
    if (!cutOff?.etcdMembers || !cutOff.etcdHealth) throw new Error("fixture");
    cutOff.etcdHealth = { ...cutOff.etcdHealth, healthy: false };
    cutOff.etcdMembers = cutOff.etcdMembers.slice(0, 1);
    expect(seen(from).etcd?.members.map((m) => m.key)).toEqual(["db-1", "db-2", "db-3"]);
  });

  it("does not count learners as voters", () => {
    const from = scene(["db-1", "db-2", "db-3", "db-4"]);
    for (const report of from.reports.values()) {
      report.etcdMembers = (report.etcdMembers ?? []).map((m) => ({ ...m, learner: m.name === "db-4" }));
    }
    expect(seen(from).etcd).toMatchObject({ voters: 3, healthyVoters: 3 });
  });

  it("believes the voters about one on a machine that it does not know, as a newcomer's", () => {
    const from = scene();
    for (const report of from.reports.values()) {
      const newcomer = (id: string, name: string) => ({
        id,
        name,
        peerUrls: ["https://198.18.0.99:2380"],
        learner: false,
      });
      report.etcdMembers = [...(report.etcdMembers ?? []), newcomer("b1", "db-8"), newcomer("b2", "db-9")];
      report.etcdHealth = { ...(report.etcdHealth as NonNullable<typeof report.etcdHealth>), connectedTo: ["b1"] };
    }
    const healthy = seen(from).etcd?.members.filter((m) => m.healthy);
    expect(healthy?.map((m) => m.key)).toEqual(["db-1", "db-2", "db-3", "db-8"]);
  });

  it("joins what PostgreSQL and Patroni say about pending restarts", () => {
    const from = scene();
    const report = from.reports.get("db-2");
    if (!report?.postgresql || !report.patroni) throw new Error("fixture");
    report.postgresql.settings = [
      {
        name: "shared_buffers",
        setting: "16384",
        unit: "8kB",
        type: "integer",
        context: "postmaster",
        source: "command line",
        altered: false,
        pendingRestart: true,
      },
    ];
    report.patroni = {
      ...report.patroni,
      pending_restart_reason: { max_connections: { old_value: "100", new_value: "200" } },
    };
    expect(machineIn(seen(from), "db-2").member?.pendingRestart).toEqual(["max_connections", "shared_buffers"]);
  });
});

describe("judging", () => {
  it("a whole cluster is caught up", () => {
    expect(allCaughtUp(seen(scene()))).toEqual({ ok: true });
  });

  it.each([
    ["a second server out of recovery", (s: ReturnType<typeof scene>) => edit(s, "db-2", { inRecovery: false })],
    ["a leader still in recovery", (s: ReturnType<typeof scene>) => edit(s, "db-1", { inRecovery: true })],
    [
      "a pooler whose writes go to another member",
      (s: ReturnType<typeof scene>) => route(s, "db-3", { leader: ["db-2"] }),
    ],
    [
      "a pooler whose leader route has two members",
      (s: ReturnType<typeof scene>) => route(s, "db-3", { leader: ["db-1", "db-2"] }),
    ],
    ["a pooler whose HAProxy does not answer", (s: ReturnType<typeof scene>) => route(s, "db-3", { ok: false })],
  ])("%s is not a leader that serves", (_, change) => {
    const from = scene();
    change(from);
    expect(leaderServes(seen(from)).ok).toBe(false);
  });

  it("a replica is not caught up on another timeline, unconnected, or too far behind", () => {
    const timeline = scene();
    edit(timeline, "db-2", { receiver: { status: "streaming", timeline: 3, slot: "", from: "198.18.0.10" } });
    expect(caughtUp(seen(timeline), "db-2")).toMatchObject({ ok: false, why: expect.stringContaining("timeline 3") });
    const alone = scene();
    edit(alone, "db-2", { receiver: null });
    expect(caughtUp(seen(alone), "db-2").ok).toBe(false);
    expect(caughtUp(seen(lag(scene(), "db-2", 17 * MB)), "db-2").ok).toBe(false);
    expect(caughtUp(seen(lag(scene(), "db-2", 15 * MB)), "db-2").ok).toBe(true);
  });

  it("a delayed replica is caught up when it has received everything", () => {
    const from = lag(scene(), "db-2", 4000 * MB);
    expect(caughtUp(seen(from), "db-2").ok).toBe(false);
    edit(from, "db-2", {
      settings: [
        {
          name: "recovery_min_apply_delay",
          setting: "3600000",
          unit: "ms",
          type: "integer",
          context: "sighup",
          source: "configuration file",
          altered: false,
          pendingRestart: false,
        },
      ],
    });
    expect(caughtUp(seen(from), "db-2").ok).toBe(true);
  });

  it("sizes read as PostgreSQL writes them", () => {
    expect([0, 1023, 1024, 16 * MB, 1536 * MB].map(describeBytes)).toEqual([
      "0 B",
      "1023 B",
      "1.0 kB",
      "16.0 MB",
      "1.5 GB",
    ]);
  });
});

describe("the state that the plan decides on", () => {
  it("is living, with lags, slots, read route and durability", () => {
    const state = clusterState(seen(lag(scene(), "db-2", MB)), {
      declaredMemory: { "db-1": 2048 * MB, "db-2": 4096 * MB },
    });
    if (state.kind !== "living") throw new Error(state.kind);
    expect(state.leader).toBe("db-1");
    expect(state.members["db-2"]).toMatchObject({
      reachable: true,
      replayLagBytes: MB,
      inReadRoute: true,
      mayAcknowledge: true,
    });
    expect(state.members["db-1"]).toMatchObject({ role: "leader", inReadRoute: false });
    expect(state.slots).toEqual(["db-2", "db-3"]);
    expect(state.configuration.durability).toEqual({ mode: "quorum", strict: false, standbys: 1 });
    expect(state.configuration.timings).toEqual({ ttl: 30, loop_wait: 5 });
    // 2000 MB seen of 2048 MB declared is what a kernel leaves; of 4096 MB it is another size.
    expect(state.machines["db-1"]?.memoryBytes).toBe(2048 * MB);
    expect(state.machines["db-2"]?.memoryBytes).toBe(2000 * MB);
    expect(state.unknown).toEqual([]);
  });

  it("is absent only where every machine answers and none was initialised", () => {
    const from = scene();
    for (const report of from.reports.values()) {
      delete report.cluster;
      delete report.postgresql;
      delete report.patroni;
      report.initialised = false;
    }
    expect(clusterState(seen(from))).toEqual({ kind: "absent" });
    from.unreachable.set("db-2", "no answer");
    expect(clusterState(seen(from)).kind).toBe("unreachable");
    from.unreachable.clear();
    (from.reports.get("db-3") as { initialised: boolean }).initialised = true;
    expect(clusterState(seen(from)).kind).toBe("unreachable");
  });

  it("names as unknown what could not be learned", () => {
    const from = scene();
    const report = from.reports.get("db-2");
    if (!report) throw new Error("fixture");
    delete report.postgresql;
    report.problems = { postgresql: "connection refused" };
    const state = clusterState(seen(from));
    if (state.kind !== "living") throw new Error(state.kind);
    expect(state.unknown.map((u) => u.what)).toEqual(
      expect.arrayContaining(["PostgreSQL of db-2", "lag of replayed WAL of db-2"]),
    );
  });

  it("tells a step at work from one that was left", () => {
    const owner = { host: "h", pid: 7, started: "1", since: "x" };
    const step = { step: "db-2 restarts", owner, at: "y" };
    const observation = seen(scene());
    const run = (conductor: NonNullable<typeof observation.conductor>, alive: "alive" | "dead" | "unknown") => {
      const state = clusterState({ ...observation, conductor }, { ownerState: () => alive });
      return state.kind === "living" ? state.unfinished?.run : state.kind;
    };
    expect(run({ owner, step }, "alive")).toBe("working");
    expect(run({ owner, step }, "unknown")).toBe("working");
    expect(run({ owner, step }, "dead")).toBe("gone");
    expect(run({ owner: null, step }, "unknown")).toBe("gone");
    expect(run({ owner: { ...owner, pid: 8 }, step }, "alive")).toBe("gone");
    expect(run({ owner, step: null }, "alive")).toBeUndefined();
  });
});

describe("status for a terminal", () => {
  it("shows members, poolers and etcd of a healthy cluster", () => {
    expect(renderStatus(seen(tag(lag(scene(), "db-3", 3 * MB, MB), "db-3", {})))).toMatchInlineSnapshot(`
      "cluster shop  healthy, db-1 leads

      member  zone  role     state      tl  lag           sync    conn  disk free  version
      db-1    a     leader   running    4   -             -       4     4.9 GB     17.11
      db-2    a     replica  streaming  4   0             quorum  4     4.9 GB     17.11
      db-3    a     replica  streaming  4   3.0 MB 0.5 s  quorum  4     4.9 GB     17.11

      pooler  writes to  reads to    clients  waiting  servers  state
      db-1    db-1       db-2, db-3  3        0        2        active
      db-2    db-1       db-2, db-3  3        0        2        active
      db-3    db-1       db-2, db-3  3        0        2        active

      etcd     3 of 3 voters healthy: db-1 (leads), db-2, db-3
      changes  none under way

      seen at 2026-01-01T00:00:00.000Z in 300 ms
      "
    `);
  });

  it("puts what is broken first and leaves nothing out", () => {
    const from = scene();
    from.unreachable.set("db-3", "no answer within 3 s");
    const slot = {
      name: "db_9",
      type: "physical" as const,
      active: false,
      walStatus: "extended",
      retainedBytes: 2 * HEAD,
    };
    edit(from, "db-1", {
      slots: [slot],
      longTransactions: [
        {
          pid: 41,
          user: "app",
          application: "batch",
          database: "shop",
          state: "active",
          ageSeconds: 300,
          query: "update",
        },
      ],
    });
    const attention = attentionOf(seen(from));
    expect(attention.map((a) => a.tone)).toEqual(["bad", "warn", "warn"]);
    expect(attention[0]?.text).toContain("db-3");
    expect(attention[1]?.text).toContain("db_9");
    expect(attention[2]?.text).toContain("pid 41 of app is in a transaction for 5 min");
  });

  it("has the same words with colours as without", () => {
    const observation = seen(scene());
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a colour is
    const plain = renderStatus(observation, { colour: true }).replace(/\u001b\[[0-9]+m/g, "");
    expect(plain).toBe(renderStatus(observation));
  });
});

function edit(from: ReturnType<typeof scene>, key: string, change: Record<string, unknown>): void {
  const report = from.reports.get(key);
  if (!report?.postgresql) throw new Error(`no PostgreSQL on ${key}`);
  Object.assign(report.postgresql, change);
}

function route(from: ReturnType<typeof scene>, key: string, change: Record<string, unknown>): void {
  const report = from.reports.get(key);
  if (!report?.routes) throw new Error(`no pooler on ${key}`);
  report.routes = { ...report.routes, ...change };
}
