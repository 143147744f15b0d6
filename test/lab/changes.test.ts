/**
 * Every kind of change of a declaration, made by `pulumi up` while clients write and read: no acknowledged write is lost,
 * no client gets an error, writes pause no longer than planned, and the leader moves no more often than needed.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClusterInput } from "../../components/spec";
import type { TestCluster } from "./harness/cluster";
import { FLOW, ONE_SWITCHOVER, planned } from "./harness/planned";
import { Series } from "./harness/series";
import { everyMachine, likeShared } from "./harness/shared";
import type { Workspace } from "./harness/workspace";

const START = likeShared("t-changes", "198.18.0.192/26");

let workspace: Workspace;
let cluster: TestCluster;
let series: Series;

beforeAll(async () => {
  series = await Series.on("changes", START);
  ({ workspace, cluster } = series);
});

afterAll(async () => {
  await series?.end();
});

const parameters = (set: Record<string, string | number>) => (now: ClusterInput) => ({
  ...now,
  postgresql: { ...now.postgresql, parameters: { ...now.postgresql?.parameters, ...set } },
});

const without = (machines: ClusterInput["machines"], ...keys: string[]) =>
  Object.fromEntries(Object.entries(machines).filter(([key]) => !keys.includes(key)));

describe("parameters", () => {
  it("that a reload takes over", async () => {
    await planned(series, "reload", parameters({ work_mem: "8MB" }), FLOW);
  });

  it("that want a restart: replicas first, one switchover", async () => {
    await planned(series, "max_connections raised", parameters({ max_connections: 120 }), ONE_SWITCHOVER);
  });

  it("that must fall on the leader first", async () => {
    await planned(series, "max_connections lowered", parameters({ max_connections: 80 }), {
      pauseSeconds: 10,
      leaders: 0,
    });
  });

  it("of which one rises and one falls: two passes", async () => {
    await planned(
      series,
      "one up, one down",
      parameters({ max_connections: 100, max_worker_processes: 6, max_prepared_transactions: 5 }),
      { pauseSeconds: 10, leaders: 1 },
    );
  });
});

describe("members", () => {
  it("one more is seeded, takes reads, and its voters stay odd", async () => {
    await planned(
      series,
      "4th member",
      (now) => ({
        ...now,
        machines: {
          ...now.machines,
          "db-4": { ...(START.machines["db-1"] as object), zone: "a" } as ClusterInput["machines"][string],
        },
        etcd: { voters: ["db-1", "db-2", "db-3"] },
        poolers: { machines: ["db-1", "db-2", "db-3"] },
      }),
      FLOW,
    );
  });

  it("the leader leaves, whoever it is", async () => {
    const { leader } = await cluster.settled(30);
    await planned(
      series,
      "leader removed",
      (now) => {
        const machines = without(now.machines, leader);
        const keys = Object.keys(machines);
        return { ...now, machines, etcd: { voters: keys }, poolers: { machines: keys } };
      },
      { ...ONE_SWITCHOVER, poolersThatStop: 1 },
    );
    expect(cluster.keys).not.toContain(leader);
  });
});

describe("machines", () => {
  it("more memory for all: one power cycle each, the leader hands over first", async () => {
    await planned(
      series,
      "memory 1GB to 1280MB",
      (now) => everyMachine(now, (machine) => ({ ...machine, size: { ...machine.size, memory: "1280MB" } })),
      { ...ONE_SWITCHOVER, poolersThatStop: 3 },
    );
  });

  it("larger disks grow while they are in use", async () => {
    await planned(
      series,
      "disks 2GB to 3GB",
      (now) => everyMachine(now, (machine) => ({ ...machine, disks: { data: { size: "3GB" } } })),
      FLOW,
    );
  });

  it("made anew from another image, one after the other", async () => {
    await planned(
      series,
      "another image",
      (now) => ({ ...now, platform: { ...now.platform, image: "again" } as ClusterInput["platform"] }),
      { ...ONE_SWITCHOVER, poolersThatStop: 3 },
    );
  });
});

describe("what the cluster promises", () => {
  it("more of it: a standby must acknowledge each commit, whatever happens", async () => {
    await planned(
      series,
      "quorum to strict sync",
      (now) => ({ ...now, durability: { mode: "sync", strict: true } }),
      FLOW,
    );
  });

  it("less of it only where that is said twice", async () => {
    const weaker = (now: ClusterInput): ClusterInput => ({ ...now, durability: { mode: "async" } });
    workspace.edit(weaker);
    const { code, output } = await workspace.start("preview").finished;
    expect(code).not.toBe(0);
    expect(output).toMatch(/weakens durability[\s\S]*confirm: "weaker-durability"/);
    await planned(series, "sync to async", (now) => ({ ...weaker(now), confirm: "weaker-durability" }), FLOW);
  });

  it("how fast it recovers, who may log in, and how large the pools are", async () => {
    await planned(
      series,
      "recovery, rules, pools",
      (now) => ({
        ...now,
        durability: { mode: "quorum" },
        recovery: "normal",
        hba: [{ type: "hostssl", database: "app", user: "admin", address: "10.0.0.0/8", method: "reject" }],
        poolers: { ...now.poolers, poolSize: 10, maxClientConnections: 900 },
      }),
      FLOW,
    );
  });
});
