/** Puts this repository's stand-ins where the engine looks for the official programs. Official ones are never replaced. */
import * as fs from "node:fs";
import * as path from "node:path";
import { say } from "./say";

const START = path.resolve(__dirname, "../standins/start.js");
const PINNED_NODE = path.resolve(__dirname, "../../node_modules/.bin/node");

/** The Node.js that the lock file brings; the one on PATH where it brings none. */
const NODE = fs.existsSync(PINNED_NODE) ? PINNED_NODE : "node";

/** In each of our launchers: tells them from the official programs. */
const MARK = "# stand-in of this checkout";

/** The language host and the launcher of dynamic providers, beside the CLI. */
export function installStandIns(directory: string): void {
  put(path.join(directory, "pulumi-language-nodejs"), "language-nodejs");
  put(path.join(directory, "pulumi-resource-pulumi-nodejs"), "dynamic-provider");
}

/** The plugin `command`, in the engine's cache of plugins. */
export function installStandInPlugin(directory: string, version: string): void {
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(path.join(directory, "stand-in"), "");
  put(path.join(directory, "pulumi-resource-command"), "resource-command");
  say(`stand-in for the plugin command ${version} in ${directory}`);
}

function put(place: string, program: string): void {
  if (fs.existsSync(place) && !isOurs(place)) return;
  const text = `#!/bin/sh
${MARK}
NODE_NO_WARNINGS=1 exec ${quote(NODE)} ${quote(START)} ${program} "$@"
`;
  const part = `${place}.${process.pid}.part`;
  fs.writeFileSync(part, text, { mode: 0o755 });
  fs.renameSync(part, place);
}

/** False for an official program, and for a launcher into another checkout that is still there and shares this place. */
function isOurs(place: string): boolean {
  const text = fs.readFileSync(place, "latin1");
  if (!text.includes(MARK)) return false;
  const start = /'([^']*\/start\.js)'/.exec(text)?.[1];
  return start === undefined || start === START || !fs.existsSync(start);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
