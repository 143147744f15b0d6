/**
 * Updates that do not get to their end: the runner is killed, a machine dies, a transaction does not end. Clients are never
 * left waiting, nothing acknowledged is lost, and the next `pulumi up` finishes without doing again what is done.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { powerOff, powerOn } from "../../components/platform/lab/faults";
import { recoveryBounds } from "../../components/spec/recovery";
import { Connection } from "./harness/clients";
import type { TestCluster, Topology } from "./harness/cluster";
import { processesOf, programOf } from "./harness/process";
import { Series } from "./harness/series";
import { everyMachine, likeShared } from "./harness/shared";
import { type CliResult, type CliRun, shown, type Workspace } from "./harness/workspace";

const START = likeShared("t-interrupted", "198.18.0.192/26");

/** The poolers' own timers end a pause after 20 s; a switchover and what a busy host adds come on top. */
const LEFT_PAUSED_SECONDS = 25;
const { machineLost } = recoveryBounds("fast");

let workspace: Workspace;
let cluster: TestCluster;
let series: Series;

beforeAll(async () => {
  series = await Series.on("interrupted", START);
  ({ workspace, cluster } = series);
});

afterAll(async () => {
  await series?.end();
});

const on = (key: string) => ({ cluster: START.name, key });

let connections = 100;
/** The next one of changes that restart every member: replicas first, then one switchover. */
function wantRestarts(): void {
  connections += 1;
  workspace.edit((now) => ({
    ...now,
    postgresql: { ...now.postgresql, parameters: { max_connections: connections } },
  }));
}

/** `kill -9` of the CLI when it says this; what it has started dies or ends by itself. */
async function killedAt(line: RegExp): Promise<void> {
  const run = workspace.start("up", "--yes", "--skip-preview");
  await shown(run, line);
  const cli = processesOf(workspace.directory).filter((pid) => programOf(pid) === "pulumi");
  for (const pid of cli) process.kill(pid, "SIGKILL");
  expect((await run.finished).code).not.toBe(0);
}

/** `npm run lab`: clears what a killed run has left, and goes on. */
async function finishes(): Promise<CliResult> {
  const result = await workspace.npm("lab").finished;
  if (result.code !== 0) throw new Error(`npm run lab:\n${result.output.split("\n").slice(-60).join("\n")}`);
  return result;
}

/** How often each member's PostgreSQL has been started since its machine was made. */
async function starts(): Promise<ReadonlyMap<string, number>> {
  const count = "journalctl --unit=patroni --output=cat --no-pager | grep -c 'starting PostgreSQL 17'";
  const counted = await Promise.all(
    cluster.keys.map(async (key) => [key, Number(await cluster.run(key, count))] as const),
  );
  return new Map(counted);
}

describe("a runner that is killed", () => {
  it.each([
    ["while the first replica restarts", /updating .*db-\d restarts for/, 0],
    [
      "while the second replica restarts",
      /updating .*(db-\d) restarts for[\s\S]*updating .*(?!\1)db-\d restarts for/,
      0,
    ],
    ["when the switchover begins", /updating .*Switchover/, 0],
    ["while clients are held", /takes over from/, 300],
    ["when the new leader leads", /leads; writes waited/, 0],
  ] as const)("%s: nobody is left waiting, and the next run does the rest", async (name, line, afterMs) => {
    const earlier = await starts();
    const { after, before } = await series.survives({
      name: `killed ${name}`,
      boundSeconds: LEFT_PAUSED_SECONDS,
      inject: async () => {
        wantRestarts();
        await killedAt(line);
        await sleep(afterMs);
        await finishes();
      },
    });
    // What went through before the kill is not done again.
    expect(after.timeline - before.timeline).toBeLessThanOrEqual(1);
    for (const [key, count] of await starts()) expect(count - (earlier.get(key) ?? 0), `starts of ${key}`).toBe(1);
    for (const key of cluster.keys) expect(await cluster.psql(key, "SHOW max_connections")).toBe(String(connections));
    await workspace.up("--expect-no-changes");
  });
});

describe("trouble in the middle of an update", () => {
  const failed = async (run: CliRun): Promise<string> => {
    const { code, output } = await run.finished;
    expect(code).not.toBe(0);
    return output;
  };

  it("a replica loses power during a rolling restart: it stops there, and goes on when the replica is back", async () => {
    let lost = "";
    await series.survives({
      name: "replica lost in a rolling restart",
      boundSeconds: machineLost,
      inject: async ({ leader, replicas }) => {
        wantRestarts();
        const run = workspace.start("up", "--yes", "--skip-preview");
        await shown(run, /updating .*db-\d restarts for/);
        const first = /updating .*(db-\d) restarts for/.exec(run.output())?.[1];
        lost = replicas.find((key) => key !== first) as string;
        expect(lost).not.toBe(leader);
        await powerOff(on(lost));
        expect(await failed(run)).toContain(lost);
        await powerOn(on(lost));
        await cluster.settled(60);
        await workspace.up();
      },
    });
    for (const key of cluster.keys) expect(await cluster.psql(key, "SHOW max_connections")).toBe(String(connections));
  });

  it("the new leader loses power right after the switchover", async () => {
    await series.survives({
      name: "new leader lost",
      boundSeconds: machineLost,
      inject: async () => {
        wantRestarts();
        const run = workspace.start("up", "--yes", "--skip-preview");
        await shown(run, /db-\d leads; writes waited/);
        const leader = /(db-\d) leads; writes waited/.exec(run.output())?.[1] as string;
        await powerOff(on(leader));
        await run.finished;
        await powerOn(on(leader));
        await cluster.settled(90);
        await workspace.up();
      },
    });
    await workspace.up("--expect-no-changes");
  });

  it("a transaction does not end: the update gives up without a pause, and names it", async () => {
    let holder: Connection | undefined;
    await series.survives({
      name: "long transaction",
      boundSeconds: 5,
      inject: async () => {
        wantRestarts();
        holder = await Connection.open(cluster.target, cluster.target.hosts[0] as string, cluster.target.writePort);
        await holder.rows("BEGIN");
        await holder.rows("SELECT pg_current_xact_id()");
        const output = await failed(workspace.start("up", "--yes", "--skip-preview"));
        expect(output).toMatch(/transactions? .*open.*pid \d+ of admin/s);
        await holder.rows("COMMIT");
        await workspace.up();
      },
    });
    holder?.close();
  });

  it("two at once: the second one refuses, and the first goes on", async () => {
    await series.survives({
      name: "two runs at once",
      boundSeconds: 5,
      inject: async () => {
        wantRestarts();
        const run = workspace.start("up", "--yes", "--skip-preview");
        await shown(run, /updating .*db-\d restarts for/);
        const second = await workspace.npm("cluster", "switchover", "--stack", "lab").finished;
        expect(second.code).toBe(1);
        expect(second.output).toMatch(/two runs must not change it at once/);
        expect((await run.finished).code).toBe(0);
      },
    });
  });

  it("a machine does not come back from its resize: the others serve, and the next run finishes", async () => {
    let resized: string | undefined;
    await series.survives({
      name: "lost in a resize",
      boundSeconds: machineLost,
      inject: async (_: Topology) => {
        workspace.edit((now) =>
          everyMachine(now, (machine) => ({ ...machine, size: { ...machine.size, memory: "1200MB" } })),
        );
        const run = workspace.start("up", "--yes", "--skip-preview");
        await shown(run, /(db-\d)-machine updated/);
        resized = /(db-\d)-machine updated/.exec(run.output())?.[1] as string;
        await powerOff(on(resized));
        expect(await failed(run)).toContain(resized);
        await powerOn(on(resized));
        await cluster.settled(90);
        await workspace.up();
      },
    });
    await workspace.up("--expect-no-changes");
  });
});
