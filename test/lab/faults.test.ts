/**
 * Real faults on a real cluster while clients write and read. After each one: every acknowledged write is there, on every member; writes
 * flow again within the documented bound; the machine that failed has come back by itself; and no two servers took writes at once.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cut, heal, powerOff, powerOn } from "../../components/platform/lab/faults";
import { recoveryBounds, recoveryTimings } from "../../components/spec/recovery";
import type { TestCluster } from "./harness/cluster";
import { Series } from "./harness/series";
import { SHARED } from "./harness/shared";
import type { Workspace } from "./harness/workspace";

const bounds = recoveryBounds("fast");

let workspace: Workspace;
let cluster: TestCluster;
let series: Series;

beforeAll(async () => {
  series = await Series.on("faults", SHARED);
  ({ workspace, cluster } = series);
});

afterAll(async () => {
  await series?.report();
});

const on = (key: string) => ({ cluster: SHARED.name, key });

describe("a cluster that nobody disturbs", () => {
  it("has no changes at a second `pulumi up`", async () => {
    await workspace.up("--expect-no-changes");
  });

  it("answers reads on the read-only port from its replicas, none older than a second", async () => {
    const { staleness } = await series.survives({ name: "nothing", boundSeconds: 1, inject: async () => undefined });
    expect(staleness.reads).toBeGreaterThan(20);
    expect(staleness.fromReplicas).toBe(staleness.reads);
    expect(staleness.longestBehind).toBeLessThan(1000);
  });
});

describe("a cluster of three under load", () => {
  it("survives kill -9 of the leader's PostgreSQL", async () => {
    await series.survives({
      name: "postgres killed",
      boundSeconds: bounds.postgresqlCrashed,
      inject: ({ leader }) => cluster.run(leader, "kill -9 $(head -1 /var/lib/postgresql/17/main/postmaster.pid)"),
    });
  });

  it("survives kill -9 of the leader's Patroni without moving the leader", async () => {
    const { before, after } = await series.survives({
      name: "Patroni killed",
      boundSeconds: bounds.postgresqlCrashed,
      inject: ({ leader }) => cluster.run(leader, "systemctl kill --kill-whom=main --signal=KILL patroni"),
    });
    expect(after.leader).toBe(before.leader);
  });

  it("moves away from a leader that loses power; with power back, the old one streams from the new one", async () => {
    const { before, after } = await series.survives({
      name: "leader powered off",
      boundSeconds: bounds.machineLost,
      prepare: ({ leader }) => cluster.placeEtcdLeader({ not: leader }),
      inject: ({ leader }) => powerOff(on(leader)),
      repair: ({ leader }) => powerOn(on(leader)),
    });
    expect(after.replicas).toContain(before.leader);
  });

  it("moves away from a leader whose network is cut, the etcd leader with it; healed, the old one streams again", async () => {
    const { before, after } = await series.survives({
      name: "leader cut off",
      boundSeconds: bounds.machineLost,
      prepare: ({ leader }) => cluster.placeEtcdLeader({ on: leader }),
      inject: ({ leader }) => cut(on(leader), "both"),
      repair: ({ leader }) => heal(on(leader)),
    });
    expect(after.replicas).toContain(before.leader);
  });

  it("moves away from a leader that can send and not receive", async () => {
    const { before, after } = await series.survives({
      name: "leader cut off inbound",
      // What it sends still arrives: up to a loop_wait after the cut it lengthens the life of its key once more.
      boundSeconds: bounds.machineLost + recoveryTimings("fast").loopWait,
      inject: ({ leader }) => cut(on(leader), "inbound"),
      repair: ({ leader }) => heal(on(leader)),
    });
    expect(after.replicas).toContain(before.leader);
  });

  it("moves away from a leader that can receive and not send", async () => {
    const { before, after } = await series.survives({
      name: "leader cut off outbound",
      boundSeconds: bounds.machineLost,
      inject: ({ leader }) => cut(on(leader), "outbound"),
      repair: ({ leader }) => heal(on(leader)),
    });
    expect(after.replicas).toContain(before.leader);
  });

  it("keeps writing on the same leader while an etcd member is down: the etcd leader, beside the PostgreSQL leader", async () => {
    const { before, after } = await series.survives({
      name: "etcd member lost",
      boundSeconds: recoveryTimings("fast").retryTimeout,
      prepare: ({ leader }) => cluster.placeEtcdLeader({ on: leader }),
      inject: ({ leader }) => cluster.run(leader, "systemctl stop etcd"),
      lastsSeconds: 2 * recoveryTimings("fast").loopWait,
      repair: ({ leader }) => cluster.run(leader, "systemctl start etcd", 60_000),
    });
    expect(after).toEqual(before);
  });

  it("keeps writing on the same leader while a replica is without power", async () => {
    const { before, after } = await series.survives({
      name: "replica powered off",
      boundSeconds: recoveryTimings("fast").loopWait,
      inject: ({ replicas }) => powerOff(on(replicas[0] as string)),
      lastsSeconds: 2 * recoveryTimings("fast").loopWait,
      repair: ({ replicas }) => powerOn(on(replicas[0] as string)),
    });
    expect(after).toEqual(before);
  });

  it("comes back by itself when all machines lost power at once and have it again", async () => {
    await series.survives({
      name: "all powered off and on",
      boundSeconds: bounds.machineLost,
      inject: async () => {
        await Promise.all(cluster.keys.map((key) => powerOff(on(key))));
        await Promise.all(cluster.keys.map((key) => powerOn(on(key))));
      },
    });
  });
});

describe("a cluster that has been through all of that", () => {
  it("still is what is declared: `pulumi up` has nothing to do", async () => {
    await workspace.up("--expect-no-changes");
  });
});
