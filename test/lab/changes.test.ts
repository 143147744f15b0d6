/**
 * Every kind of change of a declaration, made by `pulumi up` while clients write and read: no acknowledged write is lost,
 * no client gets an error, writes pause no longer than planned, and the leader moves no more often than needed.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClusterInput } from "../../components/spec";
import { createLedgerTable } from "./harness/clients";
import type { TestCluster } from "./harness/cluster";
import { REPORTS } from "./harness/leftovers";
import { clusterOf, everyMachine, likeShared } from "./harness/shared";
import { type Outcome, report, table, underLoad } from "./harness/trial";
import type { Workspace } from "./harness/workspace";

const START = likeShared("t-changes", "198.18.0.192/26");

/** A pause of writes that is planned is one switchover; a busy host is given twice what it takes. */
const SWITCHOVER_SECONDS = 5;
/** No pause at all: what a busy host holds a write up for. */
const FLOW_SECONDS = 2;

let workspace: Workspace;
let cluster: TestCluster;
const outcomes: Outcome[] = [];

beforeAll(async () => {
  ({ workspace, cluster } = await clusterOf(START));
  await createLedgerTable(cluster.target);
});

afterAll(async () => {
  if (outcomes.length > 0) {
    console.log(`\n${table(outcomes)}\n`);
    mkdirSync(REPORTS, { recursive: true });
    writeFileSync(join(REPORTS, "changes.md"), report(outcomes));
  }
  cluster?.close();
  await workspace?.remove();
});

interface Expected {
  readonly pauseSeconds: number;
  /** How often the leader may move. */
  readonly leaders: 0 | 1;
  /** Machines with poolers that stop: the plan says that their clients connect again. */
  readonly poolersThatStop?: number;
}

const CLIENTS = 6;
/** What a client sees of a pooler that stops while it has a connection to it. */
const CONNECTION_ENDED =
  /^(Connection terminated|Client has encountered a connection error|read ECONNRESET|connect ECONN)/;

/** Makes the change under load and demands what holds for every planned one. */
async function changes(name: string, edit: (now: ClusterInput) => ClusterInput, expected: Expected): Promise<Outcome> {
  const outcome = await underLoad(cluster, {
    name,
    boundSeconds: expected.pauseSeconds,
    inject: async () => {
      workspace.edit(edit);
      await workspace.up();
      cluster.refresh(await workspace.outputs());
    },
  });
  outcomes.push(outcome);
  const { verdict, before, after } = outcome;
  expect(verdict.lost, "acknowledged writes that are gone").toEqual([]);
  expect(verdict.conflicts, "signs of two leaders at once").toEqual([]);
  expect(verdict.foreign, "rows that no client wrote").toEqual([]);
  const errors = [
    ...[...verdict.errors].flatMap(([text, count]) => Array<string>(count).fill(text)),
    ...outcome.readErrorTexts.map((line) => line.replace(/^\S+ \S+: /, "")),
  ];
  expect(
    errors.filter((text) => !CONNECTION_ENDED.test(text)),
    "errors of clients",
  ).toEqual([]);
  // Each client has one connection, and goes on to the next pooler: it may find that one in its turn as well.
  expect(errors.length, "connections that ended").toBeLessThanOrEqual(2 * CLIENTS * (expected.poolersThatStop ?? 0));
  expect(outcome.pauseSeconds, "longest write pause in seconds").toBeLessThanOrEqual(expected.pauseSeconds);
  expect(after.timeline - before.timeline, "changes of leader").toBeLessThanOrEqual(expected.leaders);
  await workspace.up("--expect-no-changes");
  return outcome;
}

const FLOW = { pauseSeconds: FLOW_SECONDS, leaders: 0 } as const;
const ONE_SWITCHOVER = { pauseSeconds: SWITCHOVER_SECONDS, leaders: 1 } as const;

const parameters = (set: Record<string, string | number>) => (now: ClusterInput) => ({
  ...now,
  postgresql: { ...now.postgresql, parameters: { ...now.postgresql?.parameters, ...set } },
});

const without = (machines: ClusterInput["machines"], ...keys: string[]) =>
  Object.fromEntries(Object.entries(machines).filter(([key]) => !keys.includes(key)));

describe("parameters", () => {
  it("that a reload takes over", async () => {
    await changes("reload", parameters({ work_mem: "8MB" }), FLOW);
  });

  it("that want a restart: replicas first, one switchover", async () => {
    await changes("max_connections raised", parameters({ max_connections: 120 }), ONE_SWITCHOVER);
  });

  it("that must fall on the leader first", async () => {
    await changes("max_connections lowered", parameters({ max_connections: 80 }), {
      pauseSeconds: 10,
      leaders: 0,
    });
  });

  it("of which one rises and one falls: two passes", async () => {
    await changes(
      "one up, one down",
      parameters({ max_connections: 100, max_worker_processes: 6, max_prepared_transactions: 5 }),
      { pauseSeconds: 10, leaders: 1 },
    );
  });
});

describe("members", () => {
  it("one more is seeded, takes reads, and its voters stay odd", async () => {
    await changes(
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
    await changes(
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
    await changes(
      "memory 1GB to 1280MB",
      (now) => everyMachine(now, (machine) => ({ ...machine, size: { ...machine.size, memory: "1280MB" } })),
      { ...ONE_SWITCHOVER, poolersThatStop: 3 },
    );
  });

  it("larger disks grow while they are in use", async () => {
    await changes(
      "disks 2GB to 3GB",
      (now) => everyMachine(now, (machine) => ({ ...machine, disks: { data: { size: "3GB" } } })),
      FLOW,
    );
  });

  it("made anew from another image, one after the other", async () => {
    await changes(
      "another image",
      (now) => ({ ...now, platform: { ...now.platform, image: "again" } as ClusterInput["platform"] }),
      { ...ONE_SWITCHOVER, poolersThatStop: 3 },
    );
  });
});

describe("what the cluster promises", () => {
  it("more of it: a standby must acknowledge each commit, whatever happens", async () => {
    await changes("quorum to strict sync", (now) => ({ ...now, durability: { mode: "sync", strict: true } }), FLOW);
  });

  it("less of it only where that is said twice", async () => {
    const weaker = (now: ClusterInput): ClusterInput => ({ ...now, durability: { mode: "async" } });
    workspace.edit(weaker);
    const { code, output } = await workspace.start("preview").finished;
    expect(code).not.toBe(0);
    expect(output).toMatch(/weakens durability[\s\S]*confirm: "weaker-durability"/);
    await changes("sync to async", (now) => ({ ...weaker(now), confirm: "weaker-durability" }), FLOW);
  });

  it("how fast it recovers, who may log in, and how large the pools are", async () => {
    await changes(
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

/** max_connections follows from the number of poolers, so members restart as well. */
describe("from three members to five, to one", () => {
  const equal = (now: ClusterInput, ...keys: string[]): ClusterInput => {
    const [like] = Object.values(now.machines);
    const zone = (index: number) => ["a", "b", "c"][index % 3] as string;
    const machines = keys.map((key, index) => [key, now.machines[key] ?? { ...(like as object), zone: zone(index) }]);
    return {
      ...now,
      machines: Object.fromEntries(machines),
      etcd: { voters: keys },
      poolers: { ...now.poolers, machines: keys },
    };
  };

  it("grows by two at once", async () => {
    await changes("three to five", (now) => equal(now, ...Object.keys(now.machines), "db-8", "db-9"), ONE_SWITCHOVER);
  });

  it("shrinks to the one that came last: the leader leaves, with all the others", async () => {
    await changes(
      "five to one",
      (now) => ({ ...equal(now, "db-9"), durability: { mode: "async" }, confirm: "weaker-durability" }),
      { pauseSeconds: 10, leaders: 1, poolersThatStop: 4 },
    );
    expect(cluster.keys).toEqual(["db-9"]);
  });
});
