/** Changes by hand in a plan: what is done about them, in which order, and in which words. */
import { describe, expect, it } from "vitest";
import {
  type ClusterState,
  describeStep,
  type LivingCluster,
  leavingPassing,
  rollout,
  type Step,
  type Turn,
  unsettled,
} from "../../components/plan/change";
import type { ClusterSpec } from "../../components/spec";
import { altered, changedFile, etcdStopped, onMachine, patroniStopped, poolerStopped, stopped } from "./change-by-hand";
import { dead, declare, living, machine, machines, withMember } from "./change-fixtures";

const three = declare();
const cluster = living(three);

/** What the conductor does, in words, without checks. */
function deeds(state: ClusterState, after: ClusterSpec = three, before: ClusterSpec = three): string[] {
  const plan = rollout(before, after, state);
  expect(plan.refusals).toEqual([]);
  expect(plan.executable).toBe(true);
  return plan.steps.filter(({ kind }) => kind !== "preflight" && kind !== "verify").map(describeStep);
}

describe("files", () => {
  it("are put back, in words that say what happened to them", () => {
    const files = (
      state: LivingCluster,
      service: string,
      ...all: { path: string; how: "content" | "missing" | "mode" | "unapplied" }[]
    ) => onMachine(state, "db-2", { files: [{ service, passing: false, files: all }] });
    const one = files(cluster, "haproxy", { path: "/etc/haproxy/haproxy.cfg", how: "content" });
    expect(deeds(one)).toEqual(["db-2: /etc/haproxy/haproxy.cfg was changed by hand; it is put back, HAProxy reloads"]);
    const more = files(
      cluster,
      "base",
      { path: "/a", how: "missing" },
      { path: "/b", how: "missing" },
      { path: "/c", how: "mode" },
    );
    expect(deeds(more)).toEqual([
      "db-2: /a and /b were removed by hand, /c got another owner or mode by hand; they are put back",
    ]);
    expect(deeds(files(cluster, "patroni", { path: "/d", how: "unapplied" }))).toEqual([
      "db-2: /d is in place and not in force; it is taken over, Patroni reloads",
    ]);
  });

  it("are put back one service at a time, the leader's machine last, before anything else", () => {
    let state = onMachine(cluster, "db-1", { files: [changedFile("base", "/x")] });
    state = onMachine(state, "db-3", { files: [changedFile("pgbouncer", "/z"), changedFile("etcd", "/y")] });
    const restart = declare({ postgresql: { parameters: { wal_buffers: "64MB" } } });
    const kinds = rollout(three, restart, state).steps.map((step) =>
      "service" in step ? `${step.machine} ${step.service}` : step.kind,
    );
    expect(kinds.slice(0, 5)).toEqual(["preflight", "db-3 etcd", "db-3 pgbouncer", "db-1 base", "config-apply"]);
  });

  it("of a rollout that nobody is at work on are taken back; whoever is at work leaves them alone", () => {
    const state = onMachine(cluster, "db-2", { files: [changedFile("haproxy", "/etc/haproxy/haproxy.cfg", true)] });
    expect(deeds(state)).toEqual([
      "db-2: files of HAProxy that were for a rollout only are still there; the declared ones are put back, HAProxy reloads",
    ]);
    expect(deeds(leavingPassing(state))).toEqual([]);
    const both = onMachine(state, "db-3", { files: [changedFile("base", "/x")] });
    expect(deeds(leavingPassing(both))).toHaveLength(1);
  });

  it("of a service that is no longer declared there stay as they are, and of a machine that is made anew", () => {
    const less = declare({ poolers: { machines: ["db-1", "db-3"] } });
    const state = onMachine(cluster, "db-2", { files: [changedFile("haproxy", "/x")] });
    expect(rollout(three, less, state).steps.map(({ kind }) => kind)).not.toContain("restore-files");
    const image = declare({ platform: { kind: "lab", image: "debian-13.1" }, confirm: "replace-machines" });
    expect(rollout(three, image, state).steps.map(({ kind }) => kind)).not.toContain("restore-files");
  });
});

describe("units", () => {
  it("that were stopped or disabled are started and enabled", () => {
    const units = [
      { unit: "pgbouncer.target", service: "pgbouncer", active: "running", boot: "disabled" },
      { unit: "pgbouncer-rw@1", service: "pgbouncer", active: "failed", boot: "enabled" },
    ] as const;
    expect(deeds(onMachine(cluster, "db-3", { units }))).toEqual([
      "db-3: pgbouncer.target was disabled by hand; it is enabled; pgbouncer-rw@1 has failed; it is started again",
    ]);
    const haproxy = [{ unit: "haproxy", service: "haproxy", active: "stopped", boot: "masked" }] as const;
    expect(deeds(onMachine(cluster, "db-3", { units: haproxy }))).toEqual([
      "db-3: haproxy was stopped and masked by hand; it is enabled and started",
    ]);
    expect(deeds(poolerStopped(cluster, "db-3"))).toEqual([
      "db-3: pgbouncer-rw@1 was stopped by hand; it is started again",
    ]);
  });

  it("start with their files, where these were changed too", () => {
    const state = onMachine(cluster, "db-3", { files: [changedFile("haproxy", "/x")], units: [stopped("haproxy")] });
    expect(deeds(state)).toEqual([
      "db-3: /x was changed by hand; it is put back; haproxy was stopped by hand; it is started again",
    ]);
  });

  it("of Patroni bring a member back, which then is no stranger to the rest of the plan", () => {
    const state = patroniStopped(cluster, "db-2");
    expect(deeds(state)).toEqual(["db-2: patroni was stopped by hand; it is started again", "db-2 takes reads"]);
    // Still listed: it was killed, and its key in etcd lives on for a while.
    const listed = { ...state, members: { ...state.members, "db-2": { reachable: false, why: "silent" } as const } };
    const restart = declare({ postgresql: { parameters: { wal_buffers: "64MB" } } });
    expect(deeds(listed, restart)[0]).toBe("db-2: patroni was stopped by hand; it is started again");
    expect(unsettled(three, listed)).toEqual([]);
  });

  it("of a machine that does not answer are not known: its member is refused as before", () => {
    const restart = declare({ postgresql: { parameters: { wal_buffers: "64MB" } } });
    expect(rollout(three, restart, dead(cluster, "db-2")).refusals.map(({ code }) => code)).toEqual(["member-down"]);
    expect(unsettled(three, dead(cluster, "db-2"))).not.toEqual([]);
  });

  it("of etcd start a voter that has joined and does not run, but not before its machine's own turn", () => {
    const stoppedVoter = etcdStopped(cluster, "db-3");
    const joined = stoppedVoter.etcd.members.map((one) => (one.key === "db-3" ? { ...one, learner: true } : one));
    const state = { ...stoppedVoter, etcd: { members: joined } };
    const kinds = (turn?: Turn) => rollout(three, three, state, turn).steps.map(({ kind }) => kind);
    expect(kinds()).toEqual(["preflight", "start-units", "promote-voter", "verify"]);
    expect(kinds({ machine: "db-2", for: "vote" })[0]).toBe("promote-voter");
  });

  it("of etcd bring a voter back before another one is stopped", () => {
    const state = etcdStopped(cluster, "db-3");
    const larger = declare({
      machines: { ...machines("db-1", "db-3"), "db-2": machine({ size: { vcpu: 8, memory: "32GB" } }) },
    });
    const lines = deeds(state, larger);
    const start = lines.indexOf("db-3: etcd was stopped by hand; it is started again");
    expect(start).toBeGreaterThanOrEqual(0);
    expect(lines.indexOf("db-2 is resized by a power cycle: 4 vCPU, 16GB to 8 vCPU, 32GB")).toBeGreaterThan(start);
    expect(unsettled(three, state)).toEqual([]);
  });

  it("of Patroni everywhere leave no leader: that is refused, and says where to start it", () => {
    const { leader: _, ...rest } = patroniStopped(cluster, "db-1");
    const plan = rollout(three, three, { ...rest, leader: undefined });
    expect(plan.refusals).toMatchObject([{ code: "no-leader", reason: expect.stringContaining("stopped on db-1") }]);
    expect(plan.refusals[0]?.advice).toContain("systemctl start patroni");
  });
});

describe("ALTER SYSTEM", () => {
  it("is reset where it is not as declared, and only there", () => {
    const { parameters } = cluster.configuration;
    const state = altered(
      altered(cluster, "db-2", "work_mem", "64MB"),
      "db-2",
      "max_connections",
      String(parameters.max_connections),
    );
    expect(deeds(state)).toEqual([
      `db-2: work_mem was set to 64MB by ALTER SYSTEM; it is reset to ${parameters.work_mem}`,
    ]);
  });

  it("shows no text, which may be a secret", () => {
    expect(deeds(altered(cluster, "db-2", "archive_command", "curl https://me:secret@x"))).toEqual([
      "db-2: archive_command was set by ALTER SYSTEM; it is reset",
    ]);
  });

  it("that a restart has brought into force is undone by another, in the usual order", () => {
    const running = altered(cluster, "db-1", "shared_buffers", "123MB", { running: true });
    const steps = rollout(three, three, running).steps;
    expect(steps.map(({ kind }) => kind)).toEqual(["preflight", "reset-parameter", "switchover", "verify"]);
    expect(
      steps.find((step): step is Extract<Step, { kind: "switchover" }> => step.kind === "switchover")?.picksUp,
    ).toEqual(["shared_buffers"]);
    expect(
      rollout(three, three, altered(cluster, "db-1", "shared_buffers", "123MB")).steps.map(({ kind }) => kind),
    ).toEqual(["preflight", "reset-parameter", "verify"]);
  });

  it("counts against what the program itself sets", () => {
    expect(deeds(altered(cluster, "db-2", "ssl", "on"))).toEqual([]);
    expect(deeds(altered(cluster, "db-2", "ssl", "off"))).toEqual([
      "db-2: ssl was set to off by ALTER SYSTEM; it is reset to on",
    ]);
  });
});

describe("strangers", () => {
  const ghost = { reachable: false, why: "Patroni lists it as streaming", stranger: true } as const;
  const haunted: LivingCluster = { ...cluster, members: { ...cluster.members, ghost } };

  it("that are members are refused, whatever else changes; one that is declared is none", () => {
    const plan = rollout(three, three, haunted);
    expect(plan).toMatchObject({ executable: false, steps: [], refusals: [{ code: "stranger", subject: "ghost" }] });
    const four = declare({
      machines: machines("db-1", "db-2", "db-3", "ghost"),
      etcd: { voters: ["db-1", "db-2", "db-3"] },
    });
    expect(rollout(three, four, haunted).refusals.map(({ code }) => code)).not.toContain("stranger");
  });

  it("that are members of etcd are taken out, and not waited for", () => {
    const with4 = (learner: boolean): LivingCluster => ({
      ...cluster,
      etcd: { members: [...cluster.etcd.members, { key: "198.18.0.99", healthy: false, learner }] },
    });
    for (const learner of [true, false]) {
      expect(deeds(with4(learner))).toEqual(["198.18.0.99, a member of etcd that nobody declares, is taken out"]);
      expect(unsettled(three, with4(learner))).toEqual([]);
    }
    const sick = {
      ...with4(false),
      etcd: { members: with4(false).etcd.members.map((one, i) => ({ ...one, healthy: i > 1 && one.healthy })) },
    };
    expect(rollout(three, three, sick).refusals.map(({ code }) => code)).toEqual(["etcd-majority"]);
  });
});

it("is nothing on a member whose settings only read otherwise", () => {
  expect(deeds(withMember(cluster, "db-2", { altered: {} }))).toEqual([]);
});
