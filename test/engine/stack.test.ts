import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { Project, STACK } from "./harness/project";

const ssh = inject("ssh");

/** What the program must not show anywhere in plain text. */
const HIDDEN = "hidden-in-standard-input";

const program = `
import * as pulumi from "@pulumi/pulumi";
import { local, remote } from "@pulumi/command";
const config = new pulumi.Config();
const connection = {
  host: "127.0.0.1", port: ${ssh.port}, dialErrorLimit: 1,
  privateKey: ${JSON.stringify(ssh.privateKey)}, hostKey: ${JSON.stringify(ssh.hostKeys.ecdsa)},
};
const first = new remote.Command("first", {
  connection,
  create: "cat > /tmp/first && wc -l < /tmp/first",
  delete: "echo first >> /tmp/deleted",
  stdin: config.get("lines") ?? "one\\ntwo\\nthree\\n",
  logging: "none",
  addPreviousOutputInEnv: false,
});
new remote.Command("replaced", {
  connection, create: "echo replaced", triggers: [config.get("trigger") ?? "a"], logging: "none",
});
new remote.Command("secretive", {
  connection, create: "cat > /tmp/secretive; " + (config.get("then") ?? "true"), stdin: pulumi.secret("${HIDDEN}"), logging: "none",
}, { dependsOn: first });
new remote.CopyToRemote("copied", {
  connection, source: new pulumi.asset.StringAsset(config.get("text") ?? "text"), remotePath: "/tmp/copied",
});
export const lines = first.stdout;
export const now = local.runOutput({ command: "echo at once" }).stdout;
`;

describe("a stack of commands on the real engine", () => {
  let project: Project;
  beforeAll(async () => {
    project = await Project.create({ program });
    const created = await project.up();
    expect(created.output).toContain("5 created");
  });
  afterAll(() => project.remove());

  it("has run them and kept their output", async () => {
    const outputs = JSON.parse((await project.succeed("stack", "output", "--json", "--stack", STACK)).stdout);
    expect(outputs).toEqual({ lines: "3", now: "at once" });
  });

  it("holds no secret in plain text", async () => {
    const { text } = await project.exported();
    expect(text).not.toContain(HIDDEN);
    expect(text).not.toContain(ssh.privateKey.split("\n")[2]);
    const { inputs, outputs } = await project.resource("secretive");
    for (const properties of [inputs, outputs]) {
      expect(properties.stdin).toHaveProperty("ciphertext");
      expect(properties.connection).toHaveProperty("ciphertext");
    }
  });

  it("shows no difference when nothing changed, after a refresh either", async () => {
    expect(await project.preview()).toEqual([]);
    expect((await project.succeed("refresh", "--yes", "--skip-preview", "--stack", STACK)).output).toContain(
      "5 unchanged",
    );
    expect((await project.up()).output).toContain("5 unchanged");
  });

  it("previews a changed input line by line, and updates in place", async () => {
    await project.config("lines", "one\nTWO\nthree\nfour\n");
    const { output } = await project.succeed("preview", "--diff", "--stack", STACK);
    expect(output).toMatch(/~ stdin:\s+one\s+- two\s+\+ TWO\s+three\s+\+ four/);
    const { id } = await project.resource("first");
    await project.up();
    const first = await project.resource("first");
    expect(first.id).toBe(id);
    expect(first.outputs.stdout).toBe("4");
  });

  it("replaces for a changed trigger, and copies a changed text", async () => {
    await project.config("trigger", "b");
    await project.config("text", "other text");
    const steps = await project.preview();
    expect(steps.map(({ op, urn }) => `${op} ${urn.split("::").at(-1)}`).sort()).toEqual([
      "replace replaced",
      "update copied",
    ]);
    const { id } = await project.resource("replaced");
    await project.up();
    expect((await project.resource("replaced")).id).not.toBe(id);
  });

  it("names the resource, the command and its output when one fails, and goes on from there", async () => {
    await project.config("then", "echo the reason >&2; exit 5");
    const failed = await project.up();
    expect(failed.status).not.toBe(0);
    expect(failed.output).toMatch(/secretive .*failed/);
    expect(failed.output).toContain("Process exited with status 5");
    expect(failed.output).toContain("the reason");
    expect(failed.output).not.toContain(HIDDEN);
    await project.config("then", "echo well again");
    expect((await project.up()).output).toContain("1 updated");
  });

  it("runs delete when the stack is destroyed", async () => {
    await project.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK);
    expect((await project.exported()).resources).toEqual([]);
  });
});
