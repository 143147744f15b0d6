/** Everything on this host that can tell of a lab cluster, by kind: what must be gone after it is destroyed. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bridgeName } from "../../../components/platform/lab/address";
import { LAB_ROOT } from "../../../components/platform/lab/record";
import { processesOf } from "./process";

export interface Traces {
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly links: readonly string[];
  readonly rules: readonly string[];
  readonly routes: readonly string[];
  readonly groups: readonly string[];
  readonly loopDevices: readonly string[];
  readonly files: readonly string[];
}

/** @param network Start of the addresses of the cluster's network, such as "198.18.0.19". */
export function traces(cluster: string, network: string): Traces {
  const directory = join(LAB_ROOT, cluster);
  const groups = mountsOfType("cgroup", "cgroup2").flatMap((mount) => groupsBelow(join(mount, "pgkeel", cluster)));
  return {
    processes: [...new Set([...processesOf(directory), ...groups.flatMap(pidsOf)].map(String))],
    mounts: lines(readFileSync("/proc/self/mounts", "utf8"), directory),
    links: lines(run("ip", "-o", "link"), bridgeName(cluster), `vb-${cluster}`),
    rules: lines(`${run("iptables-save")}\n`, `pgkeel-lab:${cluster}`, network),
    routes: lines(run("ip", "route"), network),
    groups,
    loopDevices: lines(run("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"), directory),
    files: existsSync(directory) ? readdirSync(directory) : [],
  };
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8" });
}

function lines(text: string, ...having: string[]): string[] {
  return text.split("\n").filter((line) => having.some((part) => line.includes(part)));
}

function mountsOfType(...types: string[]): string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, , type]) => types.includes(type ?? ""))
    .map(([, mount]) => mount as string);
}

function groupsBelow(group: string): string[] {
  if (!existsSync(group)) return [];
  const below = readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [group, ...below.flatMap(({ name }) => groupsBelow(join(group, name)))];
}

function pidsOf(group: string): number[] {
  const file = join(group, "cgroup.procs");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean).map(Number) : [];
}
