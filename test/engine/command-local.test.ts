import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secret } from "../../toolchain/standins/command/property-values";
import { Plugin } from "./harness/plugin";

let plugin: Plugin;
let directory: string;
beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "pgkeel-local-"));
  plugin = await Plugin.start({ FROM_THE_ENGINE: "yes" });
});
afterAll(() => {
  plugin.stop();
  fs.rmSync(directory, { recursive: true });
});

async function run(create: string, more: object = {}) {
  return (await plugin.create("local:Command", { create, ...more })).state;
}

describe("local.Command", () => {
  it("runs by /bin/sh in the given directory with input and environment", async () => {
    const state = await run('cat; pwd; echo "$FROM_THE_ENGINE $OWN"; echo problem >&2', {
      stdin: "in\n",
      dir: directory,
      environment: { OWN: "mine" },
    });
    expect(state).toMatchObject({ stdout: `in\n${directory}\nyes mine`, stderr: "problem" });
  });

  it("runs by another interpreter", async () => {
    expect((await run("process.stdout.write(String(1 + 1))", { interpreter: ["node", "-e"] })).stdout).toBe("2");
  });

  it("names how a command ended, and what it printed", async () => {
    await expect(run("echo why >&2; exit 3", { stdin: "hidden" })).rejects.toThrow(
      /^exit status 3: running "echo why >&2; exit 3":\nwhy\n$/,
    );
    await expect(run("true", { dir: "/does/not/exist" })).rejects.toThrow(/ENOENT/);
  });

  it("does not fail when the command leaves its input unread", async () => {
    expect((await run("echo done", { stdin: "x".repeat(1_000_000) })).stdout).toBe("done");
  });

  it("passes the former output on, and deletes by delete", async () => {
    const old = await run("echo one; echo two >&2", { delete: `echo "$PULUMI_COMMAND_STDOUT" > ${directory}/deleted` });
    const next = { create: 'echo "$PULUMI_COMMAND_STDOUT-$PULUMI_COMMAND_STDERR"' };
    expect((await plugin.update("local:Command", old, next)).stdout).toBe("one-two");
    expect((await plugin.update("local:Command", old, { ...next, addPreviousOutputInEnv: false })).stdout).toBe("-");
    await plugin.delete("local:Command", old);
    expect(fs.readFileSync(`${directory}/deleted`, "utf8")).toBe("one\n");
  });

  it("hides output when any input is a secret", async () => {
    expect((await run("cat", { stdin: secret("x") })).stdout).toEqual(secret("x"));
  });

  it("returns files as assets by pattern", async () => {
    const state = await run("mkdir -p sub && echo a > a.txt && echo b > sub/b.txt && echo c > sub/c.log", {
      dir: directory,
      assetPaths: ["**.txt", "!sub/b*", "sub/*.log"],
    });
    expect(Object.keys(state.assets as object)).toEqual(["a.txt", "sub/c.log"]);
    expect((state.assets as Record<string, unknown>)["a.txt"]).toMatchObject({
      path: path.join(directory, "a.txt"),
      hash: "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7",
    });
  });

  it("ends the command and what it started when the run is cancelled", async () => {
    const other = await Plugin.start();
    const marker = path.join(directory, "still-running");
    const running = other.create("local:Command", { create: `(sleep 2; touch ${marker}) & wait` });
    const outcome = expect(running).rejects.toThrow(/^cancelled: running/);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await other.cancel();
    await outcome;
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(fs.existsSync(marker)).toBe(false);
    other.stop();
  });
});

describe("local.run", () => {
  it("runs at once and returns its output", async () => {
    expect(await plugin.run({ command: "cat; exit 0", stdin: "x" })).toEqual({
      command: "cat; exit 0",
      stdin: "x",
      stdout: "x",
      stderr: "",
    });
    await expect(plugin.run({ command: "exit 4" })).rejects.toThrow("exit status 4");
    await expect(plugin.run({})).rejects.toThrow("command: missing");
  });
});
