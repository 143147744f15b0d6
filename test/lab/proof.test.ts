/** An update ends with what clients saw of it: measured by real ones, kept as an output, and nothing of them left behind. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Proof } from "../../components/operate/witness/proof";
import { Witness } from "../../components/operate/witness/witness";
import { TestCluster } from "./harness/cluster";
import { commandOf, identityOf, isAlive, processesOf, programOf } from "./harness/process";
import { likeShared } from "./harness/shared";
import { until } from "./harness/until";
import { Workspace } from "./harness/workspace";

const START = likeShared("t-proof", "198.18.0.16/28");

let workspace: Workspace;
let cluster: TestCluster;

beforeAll(async () => {
  workspace = await Workspace.open(START);
  const made = await workspace.up();
  expect(made.output, "nothing is measured where there was no cluster").not.toContain("Measured during this update");
  cluster = new TestCluster(await workspace.outputs());
  await cluster.settled(60);
});

afterAll(async () => {
  cluster?.close();
  await workspace?.remove();
});

/** A change that takes a restart of every member. */
function restarts(connections: number): void {
  workspace.edit((now) => ({
    ...now,
    postgresql: { ...now.postgresql, parameters: { max_connections: connections } },
  }));
}

async function lastProof(): Promise<Proof> {
  const { proof } = (await workspace.outputs()) as unknown as { proof: Proof };
  return proof;
}

const isWitness = (pid: number) => /witness\/child/.test(commandOf(pid));
const witnesses = (): number[] => processesOf(workspace.directory).filter(isWitness);

/** SQL as the superuser in the database `postgres`. */
async function postgres(member: string, query: string): Promise<string> {
  const command = "runuser -u postgres -- psql -X -v ON_ERROR_STOP=1 -d postgres -Atq";
  const { stdout, stderr, code } = await cluster.exec(member, command, query);
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

async function witnessTables(): Promise<string[]> {
  const query = String.raw`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pgkeel\_witness\_%'`;
  const found = await postgres(await cluster.leader(), query);
  return found.split("\n").filter((line) => line !== "");
}

/** Starts an update that restarts members, and waits until it does. */
async function restartingRun() {
  const run = workspace.start("up", "--yes", "--skip-preview");
  await until("the first restart", 60, () => {
    if (run.process.exitCode !== null) throw new Error(`the update ended before: ${run.output()}`);
    return /db-\d restarts for max_connections/.test(run.output()) ? { done: undefined } : "not yet";
  });
  return run;
}

describe("a witness", () => {
  it("sees a broken connection and a lost row, and leaves nothing behind", { timeout: 60_000 }, async () => {
    const witness = new Witness(cluster.access, cluster.target.password);
    await witness.begin();
    const [schema] = await witnessTables();
    await sleep(1000);
    // Both processes of the port; the writer goes to another pooler meanwhile.
    await cluster.run("db-1", "systemctl restart pgbouncer-rw@1 pgbouncer-rw@2");
    await sleep(3000);
    const leader = await cluster.leader();
    const taken = `WITH gone AS (DELETE FROM ${schema}.written WHERE number IN (2, 3, 5) RETURNING 1) SELECT count(*) FROM gone`;
    expect(Number(await postgres(leader, taken))).toBe(9);
    const measured = await witness.finish();
    expect(measured.writesLost).toBe(9);
    expect(measured.writesAcknowledged).toBeGreaterThan(60);
    expect(measured.clientErrors).toMatchObject([{ pooler: "db-1", port: 6432, count: 1 }]);
    expect(measured.longestWritePause).toBeGreaterThan(0);
    expect(await witnessTables()).toEqual([]);
  });
});

describe("an update of a living cluster", () => {
  it("ends with what clients measured; an update that disturbs nothing keeps that", { timeout: 240_000 }, async () => {
    restarts(110);
    const { output } = await workspace.up();
    const line = output.split("\n").find((text) => text.includes("Measured during this update"));
    expect(line, output).toMatch(/longest write pause \d+\.\d s; 0 client errors; \d+ writes acknowledged, 0 lost/);

    const proof = await lastProof();
    expect(proof).toMatchObject({ writesLost: 0, clientErrors: [] });
    // Ten writes a second through each of three poolers, and the pause of one switchover.
    expect(proof.writesAcknowledged).toBeGreaterThan(proof.seconds * 10);
    expect(proof.readsAnswered).toBeGreaterThan(proof.seconds * 3);
    expect(proof.longestWritePause).toBeGreaterThan(0.2);
    expect(proof.longestWritePauseOfOnePooler.seconds).toBeGreaterThan(0.2);
    expect(Date.now() - Date.parse(proof.at)).toBeLessThan(60_000);

    // Each step once as it begins, and once with the time that it took; not among errors.
    expect(output).toMatch(/Switchover db-\d to db-\d: db-\d has to restart \(\d+\.\d s\)/);
    const diagnostics = output.slice(output.indexOf("Diagnostics:"));
    expect(diagnostics).toMatch(/rollout:Conductor \(t-proof-conductor\):\n\s+Patroni's configuration is written \(/);
    expect(diagnostics).not.toContain("waiting");

    const again = await workspace.up();
    expect(again.output).toMatch(/Resources:\n\s+\d+ unchanged/);
    expect(again.output).not.toContain("Measured during this update");
    expect(await lastProof()).toEqual(proof);
    expect(witnesses()).toEqual([]);
    expect(await witnessTables()).toEqual([]);
  });

  it("leaves no witness when it is killed, and proves nothing", { timeout: 240_000 }, async () => {
    const before = await lastProof();
    restarts(120);
    const run = await restartingRun();
    const [pid] = witnesses();
    const witness = identityOf(pid as number);
    expect(await witnessTables()).toHaveLength(1);
    for (const cli of processesOf(workspace.directory).filter((one) => programOf(one) === "pulumi"))
      process.kill(cli, "SIGKILL");
    await run.finished;
    await until("the end of the witness", 15, () =>
      witness !== undefined && isAlive(witness) ? `process ${pid} is there` : { done: undefined },
    );
    expect(await witnessTables(), "it has tidied up").toEqual([]);
    expect(await lastProof()).toEqual(before);
    // The user's next command clears the lock, waits for the orphan, and finishes.
    const next = await workspace.npm("lab").finished;
    expect(next.code, next.output).toBe(0);
    await cluster.settled(60);
  });

  it("goes on when its witness is killed, says so, and the next one clears up", { timeout: 240_000 }, async () => {
    const before = await lastProof();
    restarts(130);
    const run = await restartingRun();
    for (const pid of witnesses()) process.kill(pid, "SIGKILL");
    const { code, output } = await run.finished;
    expect(code, output).toBe(0);
    expect(output).toContain("warning: What clients saw of this update was not measured: its process has ended");
    expect(await lastProof()).toEqual(before);
    expect(await witnessTables(), "nobody could remove it").toHaveLength(1);

    workspace.edit((now) => ({
      ...now,
      postgresql: { ...now.postgresql, parameters: { max_connections: 130, work_mem: "5MB" } },
    }));
    const next = await workspace.npm("lab").finished;
    expect(next.code, next.output).toBe(0);
    const summary = next.stdout.slice(next.stdout.lastIndexOf("Done in"));
    expect(summary).toMatch(/Measured during this update .*0 client errors; \d+ writes acknowledged, 0 lost/);
    expect(await witnessTables()).toEqual([]);
    const status = await workspace.npm("cluster", "status", "-s", "lab").finished;
    expect(status.stdout).toMatch(/^proof {4}longest write pause .*, 0 lost \(/m);
  });
});
