/**
 * A cluster that grows and shrinks as far as it can, under load: three members, five, one, three, and none; with machines
 * that die on the way. Whoever leads, whoever came first: only what the declaration says stays.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { powerOff, powerOn, wholeLabOff, wholeLabOn } from "../../components/platform/lab/faults";
import { deleteMachine } from "../../components/platform/lab/machine";
import type { ClusterInput } from "../../components/spec";
import { recoveryBounds } from "../../components/spec/recovery";
import type { TestCluster } from "./harness/cluster";
import { FLOW, ONE_SWITCHOVER, planned } from "./harness/planned";
import { Series } from "./harness/series";
import { likeShared } from "./harness/shared";
import { shown, type Workspace } from "./harness/workspace";

const START = likeShared("t-membership", "198.18.0.192/26");

let workspace: Workspace;
let cluster: TestCluster;
let series: Series;

beforeAll(async () => {
  series = await Series.on("membership", START);
  ({ workspace, cluster } = series);
});

afterAll(async () => {
  await series?.end();
});

/** Equal members on these machines, each with a vote and a pooler. */
const on =
  (...keys: string[]) =>
  (now: ClusterInput): ClusterInput => {
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

const machine = (key: string) => ({ cluster: START.name, key });

/** max_connections follows from the number of poolers, so members restart as well. */
describe("from three members to five, and back by way of three to one", () => {
  it("grows by two at once", async () => {
    await planned(series, "three to five", on("db-1", "db-2", "db-3", "db-8", "db-9"), ONE_SWITCHOVER);
  });

  it("shrinks to those that came last, and waits for a voter that is lost meanwhile", async () => {
    await series.survives({
      name: "five to three, one without power",
      boundSeconds: recoveryBounds("fast").machineLost,
      inject: async ({ replicas }) => {
        workspace.edit(on("db-3", "db-8", "db-9"));
        const staying = replicas.find((key) => ["db-3", "db-8", "db-9"].includes(key)) as string;
        const run = workspace.start("up", "--yes", "--skip-preview");
        await shown(run, /updating .*db-\d leaves etcd/);
        await powerOff(machine(staying));
        await shown(run, new RegExp(`waiting: .*${staying}`));
        await powerOn(machine(staying));
        expect((await run.finished).code).toBe(0);
        cluster.refresh(await workspace.outputs());
      },
    });
    expect(cluster.keys).toEqual(["db-3", "db-8", "db-9"]);
    await workspace.up("--expect-no-changes");
  });

  it("shrinks to one that was never the first: the leader leaves, with all the others", async () => {
    const one = on("db-9");
    await planned(
      series,
      "three to one",
      (now) => ({ ...one(now), durability: { mode: "async" }, confirm: "weaker-durability" }),
      { pauseSeconds: 10, leaders: 1, poolersThatStop: 2 },
    );
    expect(cluster.keys).toEqual(["db-9"]);
  });

  it("grows to three again", async () => {
    const three = on("db-7", "db-8", "db-9");
    await planned(series, "one to three", (now) => ({ ...three(now), durability: { mode: "quorum" } }), ONE_SWITCHOVER);
    expect(cluster.keys).toEqual(["db-7", "db-8", "db-9"]);
  });
});

describe("a dead machine", () => {
  it("does not stand in the way of what disturbs nobody", async () => {
    const { replicas } = await cluster.settled(30);
    // Files of the first member's machine change with every parameter: it is the one that cannot be away.
    const dead = replicas.find((key) => key !== cluster.keys[0]) as string;
    await powerOff(machine(dead));
    workspace.edit((now) => ({ ...now, postgresql: { ...now.postgresql, parameters: { work_mem: "6MB" } } }));
    const { output } = await workspace.up();
    expect(output).toContain(`${dead} does not answer: what has changed reaches it when it is back`);
    await powerOn(machine(dead));
    await cluster.settled(60);
    expect(await cluster.psql(dead, "SHOW work_mem")).toBe("6MB");
  });

  it("is taken out, and another one takes its place", async () => {
    let dead = "";
    await series.survives({
      name: "dead machine exchanged",
      boundSeconds: FLOW.pauseSeconds,
      prepare: ({ replicas }) => {
        dead = replicas[0] as string;
        return powerOff(machine(dead));
      },
      inject: async () => {
        workspace.edit((now) => on(...Object.keys(now.machines).filter((key) => key !== dead), "db-4")(now));
        await workspace.up();
        cluster.refresh(await workspace.outputs());
      },
    });
    expect(cluster.keys).toContain("db-4");
    expect(cluster.keys).not.toContain(dead);
    await workspace.up("--expect-no-changes");
  });
});

describe("a machine that is lost with its disks", () => {
  it("is made anew under its own key", async () => {
    let lost = "";
    await series.survives({
      name: "lost machine made anew",
      boundSeconds: FLOW.pauseSeconds,
      prepare: async ({ replicas }) => {
        lost = replicas[0] as string;
        await deleteMachine(START.name, lost);
      },
      inject: async () => {
        await workspace.refresh();
        await workspace.up();
        cluster.refresh(await workspace.outputs());
      },
    });
    await workspace.up("--expect-no-changes");
  });
});

describe("a cluster of which no machine answers", () => {
  it("is told to be unknown at the preview, and no update guesses", async () => {
    await wholeLabOff(START.name);
    workspace.edit((now) => ({ ...now, postgresql: { ...now.postgresql, parameters: { work_mem: "8MB" } } }));
    const preview = await workspace.start("preview").finished;
    expect(preview.output).toMatch(/who leads, and how the members are/);
    expect(preview.code).toBe(0);
    const update = await workspace.start("up", "--yes", "--skip-preview").finished;
    expect(update.output).toMatch(/who leads, and how the members are/);
    expect(update.code).not.toBe(0);
    await wholeLabOn(START.name);
    await cluster.settled(60);
    await workspace.up();
    expect(await cluster.psql(cluster.keys[0] as string, "SHOW work_mem")).toBe("8MB");
  });
});

describe("the end", () => {
  it("leaves nothing behind: `npm run lab:down` of a cluster that has been through all of that", async () => {
    const { code, output } = await workspace.npm("lab:down").finished;
    expect(output).not.toContain("failed");
    expect(code).toBe(0);
  });
});
