import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endOrphans, orphans } from "../../toolchain/stack/orphans";
import { commandsIn, eventually } from "./harness/processes";
import { Project, STACK } from "./harness/project";

/** A provider's module, in TypeScript that only a compiler understands (`enum`). */
const providerModule = `
import * as fs from "node:fs";
enum Call { create = "create", diff = "diff", update = "update", read = "read", remove = "remove" }
interface Inputs { readonly word: string }
const note = (call: Call) => fs.appendFileSync("calls", call + "\\n");
export async function create(inputs: Inputs) {
  note(Call.create);
  console.error("seen while creating");
  if (inputs.word === "slow") await new Promise((resolve) => setTimeout(resolve, 3000));
  note(Call.create);
  return { id: "the-id", outs: { ...inputs, made: inputs.word.length } };
}
export async function diff(_id: string, old: Inputs, inputs: Inputs) {
  note(Call.diff);
  console.log("seen while comparing");
  return { changes: old.word !== inputs.word };
}
export async function update(_id: string, _old: Inputs, inputs: Inputs) {
  note(Call.update);
  if (inputs.word === "bad") throw new Error("refused: bad");
  return { outs: { ...inputs, made: inputs.word.length } };
}
export async function read(id: string, props: Inputs) {
  note(Call.read);
  return { id, props: { ...props, word: fs.existsSync("drift") ? "drifted" : props.word } };
}
export async function remove() { note(Call.remove); }
`;

const program = `
import * as pulumi from "@pulumi/pulumi";
import { ThinResource } from "./components/provider/thin";
const config = new pulumi.Config();
class Thing extends ThinResource {
  readonly made!: pulumi.Output<number>;
  constructor(name: string, word: string) {
    super("provider/thing", name, { word, made: undefined }, undefined, "test", "Thing");
  }
}
export const made = new Thing("thing", config.get("word") ?? "four").made;
`;

const files = { "provider/thing.ts": providerModule };

describe("a dynamic provider in TypeScript", () => {
  let project: Project;
  beforeAll(async () => {
    project = await Project.create({ program, files });
    expect((await project.up()).output).toContain("seen while creating");
  });
  afterAll(() => project.remove());

  const calls = () => {
    const file = path.join(project.directory, "calls");
    const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split("\n") : [];
    fs.rmSync(file, { force: true });
    return lines;
  };

  it("creates, and its printed lines reach the user", () => {
    expect(calls()).toEqual(["create", "create"]);
  });

  it("is asked for a difference in each preview, also when no input changed", async () => {
    const { output } = await project.succeed("preview", "--stack", STACK);
    expect(calls()).toEqual(["diff"]);
    expect(output).toContain("seen while comparing");
    expect(output).toContain("2 unchanged");
  });

  it("updates, and an error of it is shown", async () => {
    await project.config("word", "fifth");
    expect((await project.up()).output).toContain("1 updated");
    expect(calls()).toEqual(["diff", "update"]);
    await project.config("word", "bad");
    expect((await project.up()).output).toContain("refused: bad");
    await project.config("word", "fifth");
    calls();
  });

  it("sees drift in a refresh", async () => {
    project.write("drift", "");
    const { output } = await project.succeed("preview", "--refresh", "--diff", "--stack", STACK);
    expect(calls()).toContain("read");
    expect(output).toContain("drifted");
    fs.rmSync(path.join(project.directory, "drift"));
    await project.succeed("refresh", "--yes", "--skip-preview", "--stack", STACK);
    calls();
  });

  it("removes", async () => {
    await project.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK);
    expect(calls()).toEqual(["remove"]);
  });
});

describe("the launcher of dynamic providers", () => {
  it("lets an operation end when the engine is killed, and ends then", async () => {
    const project = await Project.create({ program, files });
    try {
      await project.config("word", "slow");
      const cli = project.start("up", "--yes", "--skip-preview", "--stack", STACK);
      const file = path.join(project.directory, "calls");
      await eventually(() => fs.existsSync(file));
      expect(orphans(project.directory)).toEqual([]);
      cli.kill("SIGKILL");
      expect(fs.readFileSync(file, "utf8")).toBe("create\n");
      await eventually(() => orphans(project.directory).length > 0);
      await endOrphans(project.directory, () => {});
      expect(fs.readFileSync(file, "utf8")).toBe("create\ncreate\n");
      expect(commandsIn(project.directory).filter((command) => command.includes("dynamic-provider"))).toEqual([]);
    } finally {
      project.remove();
    }
  });

  it("may be the official one: the same program runs with what that does", async () => {
    const directory = fs.mkdtempSync("/tmp/pgkeel-launcher-");
    // The official launcher in its own words: it only finds the SDK's dynamic provider and runs it.
    fs.writeFileSync(
      path.join(directory, "pulumi-resource-pulumi-nodejs"),
      `#!/bin/sh\nscript=$(node -p "require.resolve('@pulumi/pulumi/cmd/dynamic-provider')")\nexec node "$script" "$@"\n`,
      { mode: 0o755 },
    );
    const project = await Project.create({ program, files, firstOnPath: directory });
    try {
      const { output } = await project.up();
      expect(output).toContain(`using pulumi-resource-pulumi-nodejs from $PATH at ${directory}`);
      expect(output).toContain("2 created");
      expect((await project.resource("thing")).outputs.made).toBe(4);
    } finally {
      project.remove();
      fs.rmSync(directory, { recursive: true });
    }
  });
});
