/**
 * The life of a lab as its user has it, by the npm scripts: made, made again, killed in the middle, failing with words that help, and removed
 * without a trace.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { powerOff, powerOn } from "../../components/platform/lab/faults";
import type { ClusterInput } from "../../components/spec";
import { ArgvWatch } from "./harness/argv-watch";
import { TestCluster } from "./harness/cluster";
import { commandOf, processesOf, programOf } from "./harness/process";
import { plainSecrets } from "./harness/secrets";
import { type Traces, traces } from "./harness/traces";
import { until } from "./harness/until";
import { type CliResult, type CliRun, Workspace } from "./harness/workspace";

const NETWORK = "198.18.0.192/26";
const NETWORK_START = "198.18.0.19";

/** One machine is enough for all of this, and quickly made. */
const SINGLE: ClusterInput = {
  name: "t-life",
  platform: { kind: "lab", network: NETWORK },
  postgresql: { profile: "small" },
  recovery: "fast",
  machines: { "db-1": { size: { vcpu: 1, memory: "1GB" }, disks: { data: { size: "1GB" } } } },
};
const MACHINE = { cluster: SINGLE.name, key: "db-1" };

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.open(SINGLE);
});
afterAll(async () => {
  await workspace?.remove();
});

const found = (): Traces => traces(SINGLE.name, NETWORK_START);

async function good(run: CliRun): Promise<CliResult> {
  const result = await run.finished;
  expect(result.code, result.output).toBe(0);
  return result;
}

async function expectNoTraces(): Promise<void> {
  for (const [kind, seen] of Object.entries(found())) expect(seen, kind).toEqual([]);
  // A plugin looks once a second whether the CLI that started it is still there.
  await until("the end of every process of the program", 5, () => {
    const left = processesOf(workspace.directory).map(commandOf);
    return left.length === 0 ? { done: undefined } : left.join("; ");
  });
}

/** Starts `npm run lab` and kills the CLI at a moment told by its output; whatever it has started is left to itself. */
async function killAt(moment: RegExp): Promise<void> {
  const run = workspace.npm("lab");
  await until(`output of npm run lab that matches ${moment}`, 90, () => {
    if (run.process.exitCode !== null) throw new Error(`npm run lab ended before: ${run.output()}`);
    return moment.test(run.output()) ? { done: undefined } : (run.output().split("\n").at(-1) ?? "");
  });
  const cli = processesOf(workspace.directory).filter((pid) => programOf(pid) === "pulumi");
  expect(cli).toHaveLength(1);
  process.kill(cli[0] as number, "SIGKILL");
  expect((await run.finished).code).not.toBe(0);
}

async function withCluster<T>(work: (cluster: TestCluster) => Promise<T>): Promise<T> {
  const cluster = new TestCluster(await workspace.outputs());
  try {
    return await work(cluster);
  } finally {
    cluster.close();
  }
}

describe("a lab that is made", () => {
  it("is finished by the next `npm run lab` after kills -9 while its machine and while Patroni is made", async () => {
    await killAt(/t-life-db-1-machine creating/);
    await killAt(/t-life-db-1-patroni creating/);
    const watch = new ArgvWatch();
    expect((await good(workspace.npm("lab"))).output).toContain("Done in");
    expect(await withCluster((cluster) => cluster.leader())).toBe("db-1");

    const commands = watch.stop().join("\n");
    expect(commands).toContain("converge");
    const secrets = plainSecrets(await workspace.export("--show-secrets"));
    const shown = secrets.filter((secret) => commands.includes(secret));
    expect(shown, "secrets among the arguments of any process of host or machine").toHaveLength(0);
  });

  it("has no changes at the second `npm run lab`", async () => {
    expect((await good(workspace.npm("lab"))).output).toContain("No changes");
  });

  it("leaves traces of every kind while it is there: so the search for them works", () => {
    for (const [kind, seen] of Object.entries(found())) expect(seen, kind).not.toEqual([]);
  });
});

describe("a failing `npm run lab`", () => {
  const declare = (maxClientConnections: number) =>
    workspace.edit((spec) => ({
      ...spec,
      postgresql: { profile: "small", parameters: { log_min_duration_statement: maxClientConnections } },
      poolers: { maxClientConnections },
    }));

  it("names machine and disk where a disk is full, and goes on once that is put right", async () => {
    await withCluster(async (cluster) => {
      const free = Number(await cluster.run("db-1", "df --output=avail -k /var/lib/postgresql | tail -1"));
      await cluster.run("db-1", `fallocate -l ${free - 100 * 1024}K /var/lib/postgresql/filler`);
    });
    declare(2000);
    const { code, output } = await workspace.npm("lab").finished;
    expect(code).not.toBe(0);
    expect(output).toMatch(/t-life-db-1-patroni.*the disk of \/var\/lib\/postgresql has only \d+ kB left; free some/s);
    await withCluster((cluster) => cluster.run("db-1", "rm /var/lib/postgresql/filler"));
    await good(workspace.npm("lab"));
  });

  it("names machine and port where a port is taken, and goes on once it is free", async () => {
    await withCluster(async (cluster) => {
      await cluster.run("db-1", "systemctl stop pgbouncer.target 'pgbouncer-rw@*' 'pgbouncer-ro@*'", 90_000);
      await cluster.run("db-1", "systemd-run --quiet --unit=squatter python3 -m http.server 6432");
    });
    declare(2002);
    const { code, output } = await workspace.npm("lab").finished;
    expect(code).not.toBe(0);
    expect(output).toMatch(/port 6432 is taken by another program; stop it:.*python3/s);
    await withCluster((cluster) => cluster.run("db-1", "systemctl stop squatter"));
    await good(workspace.npm("lab"));
  });

  it("names the machine that is without power, and goes on once it is back", async () => {
    await powerOff(MACHINE);
    declare(2001);
    const { code, output } = await workspace.npm("lab").finished;
    expect(code).not.toBe(0);
    expect(output).toMatch(/db-1: connecting to [0-9.]+:22 over SSH: .*Check that the machine is powered on/);
    await powerOn(MACHINE);
    // An update does not guess: before Patroni answers again it refuses.
    await withCluster((cluster) => cluster.settled(60));
    await good(workspace.npm("lab"));
  });
});

describe("a lab that is removed", () => {
  it("leaves no process, mount, link, rule, control group, loop device or file after `npm run lab:down`", async () => {
    await good(workspace.npm("lab:down"));
    await expectNoTraces();
  });

  it("leaves nothing either when `npm run lab` was killed in the middle", async () => {
    await killAt(/t-life-db-1-machine creating/);
    await good(workspace.npm("lab:down"));
    await expectNoTraces();
  });

  it("is nothing to complain about when there is no lab", async () => {
    await good(workspace.npm("lab:down"));
    await expectNoTraces();
  });
});
