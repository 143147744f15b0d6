/**
 * Machines that stay and get other things to do, under load: a vote, a member, a pooler, given and taken away and given
 * back; and much of that at once.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClusterInput, equalMembers } from "../../components/spec";
import type { TestCluster } from "./harness/cluster";
import { FLOW, ONE_SWITCHOVER, planned } from "./harness/planned";
import { Series } from "./harness/series";
import { likeShared } from "./harness/shared";

const MACHINE = { size: { vcpu: 1, memory: "1GB" }, disks: { data: { size: "2GB" } } };
const VOTERS = ["db-1", "db-2", "db-3"];

let cluster: TestCluster;
let series: Series;

beforeAll(async () => {
  series = await Series.on("roles", {
    ...likeShared("t-roles", "198.18.0.192/26"),
    // As many as the most poolers below ask for, so that nothing else changes with them.
    postgresql: { profile: "small", parameters: { max_connections: 120 } },
    machines: equalMembers(4, MACHINE),
    etcd: { voters: VOTERS },
    poolers: { machines: VOTERS },
  });
  ({ cluster } = series);
});

afterAll(async () => {
  await series?.end();
});

const with5 = (now: ClusterInput, member: boolean): ClusterInput["machines"] => ({
  ...now.machines,
  "db-5": { ...MACHINE, ...(member ? {} : { member: false }) },
});

describe("machines that stay", () => {
  it("get votes, while one more machine comes and another one gets more memory", async () => {
    await planned(
      series,
      "votes, a newcomer, a resize",
      (now) => ({
        ...now,
        machines: { ...with5(now, true), "db-1": { ...MACHINE, size: { vcpu: 1, memory: "1200MB" } } },
        etcd: { voters: [...VOTERS, "db-4", "db-5"] },
      }),
      { ...ONE_SWITCHOVER, poolersThatStop: 1 },
    );
  });

  it("give up votes, a member and a pooler", async () => {
    await planned(
      series,
      "less on each",
      (now) => ({
        ...now,
        machines: with5(now, false),
        etcd: { voters: VOTERS },
        poolers: { machines: ["db-1", "db-3", "db-5"] },
      }),
      { ...FLOW, poolersThatStop: 1 },
    );
    expect(cluster.keys).toEqual(["db-1", "db-2", "db-3", "db-4"]);
    expect(await cluster.run("db-4", "systemctl is-active etcd || true")).toBe("inactive\n");
    expect(await cluster.run("db-2", "systemctl is-active haproxy || true")).toBe("inactive\n");
  });

  it("get all of that back", async () => {
    await planned(
      series,
      "all of it back",
      (now) => ({
        ...now,
        machines: with5(now, true),
        etcd: { voters: [...VOTERS, "db-4", "db-5"] },
        poolers: { machines: VOTERS },
      }),
      { ...FLOW, poolersThatStop: 1 },
    );
    expect(cluster.keys).toEqual(["db-1", "db-2", "db-3", "db-4", "db-5"]);
  });
});
