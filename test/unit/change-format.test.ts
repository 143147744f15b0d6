/** What the preview prints, held against files that are meant to be read: test/unit/golden/change/*.txt. */
import { describe, expect, it } from "vitest";
import { type ClusterState, renderPlan, rollout } from "../../components/plan/change";
import type { ClusterSpec } from "../../components/spec";
import { declare, living, machine, machines, withMember } from "./change-fixtures";

const three = declare();
const parameters = (values: Record<string, string | number>) => declare({ postgresql: { parameters: values } });
const sized = (vcpu: number, memory: string) =>
  declare({
    machines: Object.fromEntries(["db-1", "db-2", "db-3"].map((key) => [key, machine({ size: { vcpu, memory } })])),
  });

interface Case {
  readonly name: string;
  readonly before: ClusterSpec | undefined;
  readonly after: ClusterSpec;
  readonly state: ClusterState;
}

function change(name: string, before: ClusterSpec, after: ClusterSpec, leader?: string): Case {
  return { name, before, after, state: living(before, leader) };
}

const cases: readonly Case[] = [
  change("nothing", three, three),
  { name: "first-deployment", before: undefined, after: three, state: { kind: "absent" } },
  change("reload", three, parameters({ work_mem: "64MB", checkpoint_timeout: "20min" })),
  change("restart", three, parameters({ wal_buffers: "64MB" }), "db-2"),
  change("two-passes", three, parameters({ max_connections: 200, max_worker_processes: 32, shared_buffers: "5GB" })),
  change("resize", sized(4, "16GB"), sized(8, "32GB")),
  change("one-to-three", declare({ machines: machines("db-1") }), three),
  change("three-to-one", three, declare({ machines: machines("db-3"), confirm: "weaker-durability" })),
  change("new-image", three, declare({ platform: { kind: "lab", image: "debian-13.1" } })),
  change("software", three, declare({ software: { postgresql: "17.12-0+deb13u1" } })),
  change("recovery-and-rules", three, declare({ recovery: "fast", hba: [{ user: "app", address: "10.0.0.0/8" }] })),
  change(
    "refused",
    three,
    declare({
      machines: { ...machines("db-1", "db-2"), "db-3": machine({ disks: { data: { size: "100GB" } } }) },
      durability: { mode: "async" },
    }),
  ),
  {
    name: "unreachable",
    before: three,
    after: parameters({ wal_buffers: "64MB" }),
    state: {
      kind: "unreachable",
      reasons: ["db-1: no answer over SSH within 5 s", "db-2: no answer over SSH within 5 s"],
    },
  },
  {
    name: "continued",
    before: three,
    after: parameters({ wal_buffers: "64MB" }),
    state: {
      ...withMember(living(parameters({ wal_buffers: "64MB" })), "db-1", {
        parameters: living(three).members["db-1"]?.reachable ? runningOf(three) : {},
        pendingRestart: ["wal_buffers"],
      }),
      unfinished: { step: "Switchover db-1 to db-2: db-1 has to restart", owner: "ops-1, process 4711", run: "gone" },
      longTransactions: [{ member: "db-1", pid: 4242, ageSeconds: 912, user: "report", application: "psql" }],
    },
  },
];

function runningOf(spec: ClusterSpec): Readonly<Record<string, string>> {
  const member = living(spec).members["db-1"];
  return member?.reachable ? member.parameters : {};
}

describe("a rendered plan", () => {
  it.each(cases)("$name", async ({ name, before, after, state }) => {
    const text = renderPlan(rollout(before, after, state));
    await expect(`${text}\n`).toMatchFileSnapshot(`golden/change/${name}.txt`);
  });

  it("fits a terminal but for what cannot be broken", () => {
    for (const { before, after, state } of cases)
      for (const line of renderPlan(rollout(before, after, state)).split("\n"))
        expect(line.length, line).toBeLessThanOrEqual(120);
  });

  it("is red where commits are worth less, or where it is refused, and only when colour is asked for", () => {
    const weaker = declare({ durability: { mode: "async" }, confirm: "weaker-durability" });
    const plan = rollout(three, weaker, living(three));
    expect(renderPlan(plan)).not.toContain("\u001b");
    const red = renderPlan(plan, { color: true })
      .split("\n")
      .filter((line) => line.includes("\u001b[31m"));
    expect(red.join("\n")).toMatch(
      /durability\.mode[\s\S]*Durability quorum of 1 standby to async[\s\S]*weakens durability/,
    );
    const refused = rollout(three, declare({ durability: { mode: "async" } }), living(three));
    expect(renderPlan(refused, { color: true })).toContain("\u001b[31m");
  });
});
