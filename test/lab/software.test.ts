/**
 * New versions of the software on a cluster that clients write to and read from. The newer versions are the installed packages, packed
 * again under higher version numbers on the machines themselves: the archives of a Debian release mostly have one version of a package,
 * and which one changes from week to week.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MachineObservation, Software } from "../../components/operate/observation";
import { observe } from "../../components/operate/observe";
import type { TestCluster } from "./harness/cluster";
import { FLOW, ONE_SWITCHOVER } from "./harness/planned";
import { processesOf } from "./harness/process";
import { Series } from "./harness/series";
import { likeShared } from "./harness/shared";
import { CLIENTS, type Outcome } from "./harness/trial";
import { until } from "./harness/until";
import type { Workspace } from "./harness/workspace";

const START = likeShared("t-software", "198.18.0.32/28");

const PACKAGES: Readonly<Partial<Record<Software, readonly string[]>>> = {
  postgresql: ["postgresql-17", "postgresql-client-17"],
  patroni: ["patroni"],
  etcd: ["etcd-server", "etcd-client"],
  haproxy: ["haproxy"],
  pgbouncer: ["pgbouncer"],
};
const ALL = Object.keys(PACKAGES) as Software[];

/** What tells the packed versions from each other and from the installed one, the lower one first. */
const SUFFIXES = ["lower", "upper"] as const;

let workspace: Workspace;
let cluster: TestCluster;
/** Versions that the machines were made with. */
let installed: Readonly<Record<Software, string>>;
let series: Series;

beforeAll(async () => {
  series = await Series.on("software", START);
  ({ workspace, cluster } = series);
  installed = (await machines())[0]?.packages as typeof installed;
  const repack = readFileSync(join(__dirname, "harness/repack.sh"), "utf8");
  const names = Object.values(PACKAGES).flat().join(" ");
  const packed = await Promise.all(
    cluster.keys.map((key) => cluster.exec(key, `bash -s -- ${SUFFIXES.join(",")} ${names}`, repack, 120_000)),
  );
  for (const { code, stderr } of packed) expect(code, stderr).toBe(0);
});

afterAll(async () => {
  await series?.end();
});

const version = (software: Software, suffix: (typeof SUFFIXES)[number]) => `${installed[software]}+${suffix}`;

async function machines(): Promise<readonly MachineObservation[]> {
  return (await observe(cluster.access)).machines;
}

function pin(versions: Readonly<Partial<Record<Software, string>>>): void {
  workspace.edit((now) => ({ ...now, software: { ...now.software, ...versions } }));
}

async function runs(wanted: Readonly<Partial<Record<Software, string>>>): Promise<void> {
  for (const { key, packages, stale } of await machines()) {
    expect(packages, `packages of ${key}`).toMatchObject(wanted);
    expect(stale, `installed on ${key} and not at work`).toEqual([]);
  }
}

/** When PostgreSQL was started, by machine. */
async function starts(): Promise<Map<string, string | null | undefined>> {
  return new Map((await machines()).map(({ key, member }) => [key, member?.startedAt]));
}

function expectNoErrors({ verdict, readErrors }: Outcome): void {
  expect([...verdict.errors], "errors of clients that write").toEqual([]);
  expect(readErrors, "errors of clients that read").toBe(0);
}

describe("a version that no package source has", () => {
  it("is refused at the preview, with those that are to be had", async () => {
    const before = await starts();
    pin({ pgbouncer: "9.9.9-1" });
    const { code, output } = await workspace.start("preview").finished;
    workspace.edit(({ software: _, ...rest }) => rest);
    expect(code).not.toBe(0);
    const text = flowing(output);
    expect(text).toContain(
      "software.pgbouncer: 9.9.9-1 is declared, and the package sources of db-1, db-2, db-3 do not",
    );
    for (const suffix of SUFFIXES) expect(text).toContain(version("pgbouncer", suffix));
    expect(await starts()).toEqual(before);
    await runs(installed);
  });
});

describe("new versions of PostgreSQL, Patroni, etcd and HAProxy", () => {
  it("are brought into force machine by machine, the leader last, without a client's error", async () => {
    const wanted = Object.fromEntries(
      ALL.filter((software) => software !== "pgbouncer").map((software) => [software, version(software, "upper")]),
    );
    pin(wanted);
    const outcome = await series.survives({
      name: "upgrade",
      boundSeconds: ONE_SWITCHOVER.pauseSeconds,
      inject: () => workspace.up(),
    });
    expectNoErrors(outcome);
    expect(outcome.after.timeline - outcome.before.timeline, "changes of leader").toBe(1);
    await runs({ ...installed, ...wanted });
  });
});

describe("an older version of Patroni", () => {
  it("is taken over by the next run after a kill -9 in the middle, and PostgreSQL of no replica restarts", async () => {
    const wanted = { patroni: version("patroni", "lower") };
    pin(wanted);
    const before = await starts();
    const outcome = await series.survives({
      name: "downgrade, killed",
      boundSeconds: ONE_SWITCHOVER.pauseSeconds,
      inject: async () => {
        await killAt(/Patroni of db-\d restarts/);
        await workspace.start("cancel", "--yes").finished;
        await workspace.up();
      },
    });
    expectNoErrors(outcome);
    expect(outcome.after.timeline - outcome.before.timeline, "changes of leader").toBe(1);
    await runs(wanted);
    const after = await starts();
    // The old leader restarts as it becomes a replica.
    const kept = cluster.keys.filter((key) => key !== outcome.before.leader);
    for (const key of kept) expect(after.get(key), `start of PostgreSQL on ${key}`).toBe(before.get(key));
  });
});

describe("a new version of PgBouncer", () => {
  it("is finished where it is installed already, and breaks each connection between two writes", async () => {
    const wanted = { pgbouncer: version("pgbouncer", "upper") };
    // What a run leaves that is killed between the two.
    await cluster.run("db-2", `/usr/local/lib/pgkeel/services/base upgrade pgbouncer=${wanted.pgbouncer}`, 120_000);
    expect((await machines()).map(({ stale }) => stale)).toEqual([[], ["pgbouncer"], []]);
    pin(wanted);
    expect(flowing((await workspace.preview()).output)).toContain(
      `${wanted.pgbouncer}, which is installed, comes into force`,
    );

    const outcome = await series.survives({
      name: "PgBouncer",
      boundSeconds: FLOW.pauseSeconds,
      inject: () => workspace.up(),
    });
    await runs(wanted);
    expect(outcome.after.timeline).toBe(outcome.before.timeline);
    // Once on each machine at most, and never with a write under way: one that failed was not done.
    const { verdict } = outcome;
    const errors = [...verdict.errors.values()].reduce((sum, count) => sum + count, 0);
    expect(errors).toBeLessThanOrEqual(CLIENTS.writers * cluster.keys.length);
    expect(verdict.unacknowledgedButStored).toBe(0);
  });
});

describe("pins that are taken out", () => {
  it("change nothing", async () => {
    const before = await machines();
    workspace.edit(({ software: _, ...rest }) => rest);
    expect((await workspace.up()).output).toContain("nothing on it moves");
    const after = await machines();
    const facts = (seen: readonly MachineObservation[]) =>
      seen.map(({ key, packages, stale, member }) => [key, packages, stale, member?.startedAt]);
    expect(facts(after)).toEqual(facts(before));
    await workspace.up("--expect-no-changes");
  });
});

/** As a terminal's width does not break it. */
const flowing = (text: string) => text.replace(/\s+/g, " ");

/** Starts an update, and kills it with all that it has started at a moment told by its output. */
async function killAt(moment: RegExp): Promise<void> {
  const run = workspace.start("up", "--yes", "--skip-preview");
  await until(`output that matches ${moment}`, 200, () => {
    if (run.process.exitCode !== null) throw new Error(`it ended before: ${run.output()}`);
    return moment.test(run.output()) ? { done: undefined } : (run.output().split("\n").at(-1) ?? "");
  });
  for (const pid of processesOf(workspace.directory)) process.kill(pid, "SIGKILL");
  await run.finished;
}
