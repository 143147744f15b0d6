/**
 * The life of a lab as its user has it, by the npm scripts: made, made again, killed in the middle, failing with words that help, and removed
 * without a trace.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { powerOff, powerOn } from "../../components/platform/lab/faults";
import type { ClusterInput } from "../../components/spec";
import { ArgvWatch } from "./harness/argv-watch";
import { TestCluster } from "./harness/cluster";
import { beAsPatientAsTheWaits } from "./harness/patience";
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

beAsPatientAsTheWaits();

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

function expectNoTraces(): void {
  for (const [kind, seen] of Object.entries(found())) expect(seen, kind).toEqual([]);
  expect(processesOf(workspace.directory).map(commandOf), "processes of the program").toEqual([]);
}

/** Starts `npm run lab` and kills the CLI when so much is there; whatever it has started is left to itself. */
async function killWhen(what: string, isThere: () => boolean): Promise<void> {
  const run = workspace.npm("lab");
  await until(what, 60, () => {
    if (run.process.exitCode !== null) throw new Error(`npm run lab ended before: ${run.output()}`);
    return isThere() ? { done: undefined } : "not yet";
  });
  const cli = processesOf(workspace.directory).filter((pid) => programOf(pid) === "pulumi");
  expect(cli).toHaveLength(1);
  process.kill(cli[0] as number, "SIGKILL");
  expect((await run.finished).code).not.toBe(0);
}

describe("a lab that is made", () => {
  it("is finished by the next `npm run lab` after a kill -9 in the middle", async () => {
    await killWhen("the first process of the machine", () => found().groups.length > 0 && found().processes.length > 0);
    const watch = new ArgvWatch();
    const { output } = await good(workspace.npm("lab"));
    expect(output).toContain("Done in");
    const cluster = new TestCluster(await workspace.outputs());
    try {
      expect(await cluster.leader()).toBe("db-1");
    } finally {
      cluster.close();
    }
    const arguments_ = watch.stop().join("\n");
    expect(arguments_).toContain("converge");
    const shown = plainSecrets(await workspace.export("--show-secrets")).filter((secret) =>
      arguments_.includes(secret),
    );
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
  const change = (value: "250ms" | "251ms") =>
    workspace.edit((spec) => ({
      ...spec,
      postgresql: { profile: "small", parameters: { log_min_duration_statement: value } },
    }));

  it("names the machine that is without power, and works again when it is back", async () => {
    await powerOff(MACHINE);
    change("250ms");
    const { code, output } = await workspace.npm("lab").finished;
    expect(code).not.toBe(0);
    expect(output).toMatch(/t-life-db-1-patroni[^]*198\.18\.[0-9.]+[^]*failed attempts/);
    await powerOn(MACHINE);
    await good(workspace.npm("lab"));
  });
});

describe("a lab that is removed", () => {
  it("leaves no process, mount, link, rule, control group, loop device or file after `npm run lab:down`", async () => {
    await good(workspace.npm("lab:down"));
    expectNoTraces();
  });

  it("leaves nothing either when `npm run lab` was killed in the middle", async () => {
    await killWhen("the first process of the machine", () => found().processes.length > 0);
    await good(workspace.npm("lab:down"));
    expectNoTraces();
  });

  it("is nothing to complain about when there is no lab", async () => {
    await good(workspace.npm("lab:down"));
    expectNoTraces();
  });
});
