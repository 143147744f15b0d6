/**
 * Finds or makes the Pulumi CLI of the pinned version, and what it needs to run a Node.js program with `@pulumi/command`. Writes the path
 * of the CLI to a file.
 *
 *   cli.ts FILE       (PULUMI_HOME says where plugins belong)
 *
 * In this order: a `pulumi` of that version on PATH; the official download, by the npm package `pulumi`; where that is refused,
 * a build from the Go module. The language host and the plugins likewise: the official ones, or else the stand-ins of this repository.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { buildCli } from "./go-build";
import { downloadRefused, officialDownload, officialPlugin } from "./official";
import { runSetup, SetupError, say } from "./say";
import { installStandInPlugin, installStandIns } from "./standins";

/** The repository's root. */
export const root = path.resolve(__dirname, "../..");

function pinned(name: "pulumi" | "@pulumi/command"): string {
  const manifest = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
  return (manifest.dependencies[name] ?? manifest.devDependencies[name]) as string;
}

function home(): string {
  const { PULUMI_HOME } = process.env;
  if (!PULUMI_HOME) throw new SetupError("PULUMI_HOME is not set; start this by toolchain/run");
  return PULUMI_HOME;
}

/** A `pulumi` on PATH, other than the npm package's launcher, that has the pinned version. */
function onPath(version: string): string | undefined {
  const own = path.join(root, "node_modules");
  for (const directory of (process.env.PATH ?? "").split(path.delimiter)) {
    if (directory === "" || directory.split(path.sep).includes("node_modules")) continue;
    const candidate = path.join(directory, "pulumi");
    if (!fs.existsSync(candidate) || fs.realpathSync(candidate).startsWith(own)) continue;
    const answer = spawnSync(candidate, ["version"], { encoding: "utf8", timeout: 10_000 });
    if (answer.stdout?.trim() === `v${version}`) return fs.realpathSync(candidate);
  }
  return undefined;
}

async function findCli(version: string): Promise<string> {
  const there = onPath(version);
  if (there) {
    say(`Pulumi ${version} on PATH is used: ${there}`);
    return there;
  }
  const place = path.join(home(), "versions", version, "bin", "pulumi");
  if (spawnSync(place, ["version"], { encoding: "utf8" }).stdout?.trim() === `v${version}`) return place;
  const reason = (await downloadRefused()) ?? (await officialDownload(version, place));
  if (reason === undefined) return place;
  say(`the official download of Pulumi cannot be had here (${reason}); building it from its Go module instead`);
  await buildCli(version, place);
  return place;
}

void runSetup(async () => {
  const [record] = process.argv.slice(2);
  if (!record) throw new SetupError("usage: cli.ts FILE");
  const cli = await findCli(pinned("pulumi"));
  installStandIns(path.dirname(cli));
  const version = pinned("@pulumi/command");
  const plugin = path.join(home(), "plugins", `resource-command-v${version}`);
  if (!(await officialPlugin(cli, "command", version, plugin))) installStandInPlugin(plugin, version);
  fs.writeFileSync(`${record}.part`, `${cli}\n`);
  fs.renameSync(`${record}.part`, record);
});
