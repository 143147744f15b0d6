import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deployment } from "../../toolchain/stack/deployment";
import { isStale, locks } from "../../toolchain/stack/stale-lock";
import { alive, commandsIn, eventually } from "./harness/processes";
import { Project, STACK } from "./harness/project";

const program = `
import * as pulumi from "@pulumi/pulumi";
const config = new pulumi.Config();
const wanted = config.get("do");
if (wanted === "throw") throw new Error("thrown by the program");
if (wanted === "exit") process.exit(9);
if (wanted === "reject") void Promise.reject(new Error("rejected by the program"));
if (wanted === "run-error") throw new pulumi.RunError("explained by the program");
pulumi.log.warn("a warning of the program");
export const node = process.execArgv;
export const project = [pulumi.getProject(), pulumi.getStack(), pulumi.getOrganization(), pulumi.getRootDirectory()];
export const known = config.getSecret("hidden");
`;

describe("the Node.js language host", () => {
  let project: Project;
  beforeAll(async () => {
    project = await Project.create({
      program,
      runtimeOptions: { typescript: false, nodeargs: "--require tsx/cjs '--title=two words'" },
    });
    await project.succeed("config", "set", "--secret", "hidden", "secret-value", "--stack", STACK);
  });
  afterAll(() => project.remove());

  it("starts the program with the arguments and settings of Pulumi.yaml, and its configuration", async () => {
    const { output } = await project.up();
    expect(output).toContain("a warning of the program");
    expect(output).not.toContain("secret-value");
    const outputs = JSON.parse(
      (await project.succeed("stack", "output", "--json", "--show-secrets", "--stack", STACK)).stdout,
    );
    expect(outputs).toEqual({
      node: ["--require", "tsx/cjs", "--title=two words"],
      project: ["project", STACK, "organization", project.directory],
      known: "secret-value",
    });
  });

  it.each([
    ["throw", "thrown by the program"],
    ["exit", "Program exited with non-zero exit code: 9"],
    ["reject", "rejected by the program"],
    ["run-error", "explained by the program"],
  ])("reports a program that ends by %s", async (wanted, message) => {
    await project.config("do", wanted);
    const { status, output } = await project.run("preview", "--stack", STACK);
    expect(status).not.toBe(0);
    expect(output).toContain(message);
  });

  it("tells the CLI about itself and the program's packages", async () => {
    const { stdout } = await project.succeed("about", "--json");
    const about = JSON.parse(stdout);
    expect(about.runtime).toMatchObject({ language: "nodejs", version: process.version });
  });
});

describe("a run that is killed", () => {
  const waiting = `
import { local } from "@pulumi/command";
new local.Command("slow", { create: process.env.SLOW === "no" ? "true" : "echo $$ > pid; sleep 60" });
`;

  it("leaves no process behind, and the next run starts over", async () => {
    const project = await Project.create({ program: waiting });
    try {
      const cli = project.start("up", "--yes", "--skip-preview", "--stack", STACK);
      const pidFile = path.join(project.directory, "pid");
      await eventually(() => fs.existsSync(pidFile) && fs.readFileSync(pidFile, "utf8") !== "");
      const command = Number(fs.readFileSync(pidFile, "utf8"));
      expect(locks("project", STACK, project.backendUrl).map(isStale)).toEqual([false]);
      cli.kill("SIGKILL");
      await eventually(() => !alive(command));
      await eventually(() => commandsIn(project.directory).length === 0);
      const [lock, ...more] = locks("project", STACK, project.backendUrl);
      expect(more).toEqual([]);
      expect(lock).toMatchObject({ pid: cli.pid });
      expect(lock && isStale(lock)).toBe(true);
      const blocked = await project.up();
      expect(blocked.output).toContain("currently locked");
      fs.rmSync(lock?.file ?? "");
      const deployment = await project.inEnvironment(() => Deployment.read(STACK));
      expect(deployment?.interrupted).toEqual([{ urn: expect.stringMatching(/::slow$/), doing: "creating" }]);
      await project.inEnvironment(async () => deployment?.forgetInterrupted());
      project.write("index.ts", waiting.replace("process.env.SLOW", '"no"'));
      const again = await project.up();
      expect(again.output).toContain("created");
      expect(again.output).not.toMatch(/pending|interrupted/);
    } finally {
      project.remove();
    }
  });
});
