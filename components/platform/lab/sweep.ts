/** Removes everything of a lab from this host, whatever state it is in, without Pulumi. */
import { readFile, rm } from "node:fs/promises";
import { bridgeName } from "./address";
import { attempt, run } from "./command";
import { detachLoops, loopsBelow } from "./disks";
import { groupClusters, processesIn, removeGroups } from "./limits";
import { deleteMachine } from "./machine";
import { mountsBelow, unmountBelow } from "./mounts";
import { forgetHost, removeRule, ruleComment } from "./network";
import { type FirewallRule, labDirectory, listClusters, listMachines, readNetwork } from "./record";
import { until } from "./wait";

/** What is there of a lab, each thing with its name. */
export interface Traces {
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly loops: readonly string[];
  readonly interfaces: readonly string[];
  readonly rules: readonly string[];
  readonly groups: readonly string[];
  readonly files: readonly string[];
}

/** Labs that have left any trace that names them: a directory or control groups. */
export async function sweepable(): Promise<string[]> {
  return [...new Set([...(await listClusters()), ...(await groupClusters().catch(() => []))])].sort();
}

/** Looks for everything of a lab by what the host shows, not by what the lab's records say. */
export async function findTraces(cluster: string): Promise<Traces> {
  const directory = labDirectory(cluster);
  const machines = await listMachines(cluster);
  const processes = await Promise.all((await processesIn(cluster)).map(describeProcess));
  return {
    processes,
    mounts: await mountsBelow(directory),
    loops: (await loopsBelow(directory)).map(({ device, file }) => `${device} ${file}`),
    interfaces: await interfaces(bridgeName(cluster)),
    rules: (await labRules(cluster)).map(({ table, chain, words }) => `${table} ${chain} ${words.join(" ")}`),
    groups: (await groupClusters()).filter((name) => name === cluster),
    files: (await listClusters()).includes(cluster)
      ? [`${directory} (machines: ${machines.join(", ") || "none"})`]
      : [],
  };
}

export function isEmpty(traces: Traces): boolean {
  return Object.values(traces).every((found: readonly string[]) => found.length === 0);
}

/**
 * Removes a lab.
 * @returns what was found and removed.
 * @throws when something is left, with what it is.
 */
export async function sweep(cluster: string): Promise<Traces> {
  const found = await findTraces(cluster);
  const directory = labDirectory(cluster);
  // A killed update's provider may still be at work on a machine; it ends in time.
  await Promise.all((await listMachines(cluster)).map((key) => deleteMachine(cluster, key)));
  await killAll(cluster);
  await unmountBelow(directory);
  for (const { file } of await loopsBelow(directory)) await detachLoops(file);
  for (const rule of await labRules(cluster)) await removeRule(rule);
  const network = await readNetwork(cluster).catch(() => undefined);
  for (const bridge of new Set([network?.bridge ?? bridgeName(cluster), bridgeName(cluster)]))
    if ((await attempt("ip", ["link", "show", "dev", bridge])).code === 0) await run("ip", "link", "delete", bridge);
  await removeGroups(cluster);
  await rm(directory, { recursive: true, force: true });
  await forgetHost();
  const left = await findTraces(cluster);
  if (!isEmpty(left)) throw new Error(`lab "${cluster}": still left after the sweep:\n${formatTraces(left)}`);
  return found;
}

/** One line per thing. */
export function formatTraces(traces: Traces): string {
  return Object.entries(traces)
    .flatMap(([kind, found]: [string, readonly string[]]) => found.map((what) => `  ${kind}: ${what}`))
    .join("\n");
}

/** Processes of the cluster that no record names, such as those of a machine whose directory is gone. */
async function killAll(cluster: string): Promise<void> {
  await until(`lab "${cluster}": end of its processes`, 20, async () => {
    const left = await processesIn(cluster);
    for (const pid of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone meanwhile.
      }
    }
    return left.length === 0;
  });
}

async function describeProcess(pid: number): Promise<string> {
  const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "gone");
  return `${pid} ${name.trim()}`;
}

async function interfaces(bridge: string): Promise<string[]> {
  const { stdout } = await attempt("ip", ["-json", "link", "show", "dev", bridge]);
  return stdout.includes(`"${bridge}"`) ? [bridge] : [];
}

/** The lab's firewall rules, found by the comment that each of them bears. */
async function labRules(cluster: string): Promise<FirewallRule[]> {
  const rules: FirewallRule[] = [];
  for (const [table, chain] of [
    ["nat", "POSTROUTING"],
    ["filter", "FORWARD"],
  ] as const) {
    const { stdout } = await attempt("iptables", ["--wait", "-t", table, "-S", chain]);
    for (const line of stdout.split("\n")) {
      const [verb, , ...words] = line.trim().split(" ");
      if (verb === "-A" && words.map((word) => word.replace(/^"(.*)"$/, "$1")).includes(ruleComment(cluster)))
        rules.push({ table, chain, words: words.map((word) => word.replace(/^"(.*)"$/, "$1")) });
    }
  }
  return rules;
}

/** Whether a word can be a cluster's name: a sweep removes directories by it. */
export function isClusterName(name: string): boolean {
  return /^[a-z][a-z0-9-]*$/.test(name);
}
