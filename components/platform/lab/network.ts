/** The lab's network: a bridge with the host's address, and the way out for apt. */
import { mkdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bridgeName, parseNetwork } from "./address";
import { attempt, run } from "./command";
import { networkProblems } from "./host";
import { removeGroups } from "./limits";
import { networkLock, withLock } from "./lock";
import {
  type FirewallRule,
  LAB_ROOT,
  labDirectory,
  listClusters,
  listMachines,
  type NetworkRecord,
  readNetwork,
  removeNetworkRecord,
  writeNetwork,
} from "./record";

const FORWARDING = "/proc/sys/net/ipv4/ip_forward";
/** Exists while a lab has switched the host's forwarding on; it was off before. */
const forwardingMark = join(LAB_ROOT, "forwarding-was-off");

export function ruleComment(cluster: string): string {
  return `pgkeel-lab:${cluster}`;
}

/**
 * The firewall rules of a lab. Exactly one MASQUERADE; rules that accept forwarding only where the host's firewall forwards
 * selectively (they also cover traffic inside the bridge, which passes that firewall where br_netfilter is loaded). Pure.
 */
export function firewallRules(cluster: string, cidr: string, bridge: string, selective: boolean): FirewallRule[] {
  const comment = ["-m", "comment", "--comment", ruleComment(cluster)];
  const masquerade: FirewallRule = {
    table: "nat",
    chain: "POSTROUTING",
    words: ["-s", cidr, "!", "-d", cidr, ...comment, "-j", "MASQUERADE"],
  };
  if (!selective) return [masquerade];
  return [
    masquerade,
    { table: "filter", chain: "FORWARD", words: ["-i", bridge, ...comment, "-j", "ACCEPT"] },
    { table: "filter", chain: "FORWARD", words: ["-o", bridge, ...comment, "-j", "ACCEPT"] },
  ];
}

/**
 * Makes the network, or what of it is missing; safe to repeat, and to call for several machines at once.
 * @throws Where something else uses its addresses.
 */
export function ensureNetwork(cluster: string, cidr: string): Promise<NetworkRecord> {
  return withLock(networkLock(cluster), () => makeNetwork(cluster, cidr));
}

async function makeNetwork(cluster: string, cidr: string): Promise<NetworkRecord> {
  const { gateway, prefix } = parseNetwork(cidr);
  const bridge = bridgeName(cluster);
  if (!(await bridgeExists(bridge))) {
    const problems = await networkProblems(cluster, cidr);
    if (problems.length > 0) throw new Error(problems.join("\n"));
  }
  const record = (await readNetwork(cluster)) ?? {
    cluster,
    network: cidr,
    bridge,
    gateway,
    rules: firewallRules(cluster, cidr, bridge, await forwardsSelectively()),
  };
  // Recorded first: what an interrupted run made can then be removed.
  await writeNetwork(record);
  const added = await attempt("ip", ["link", "add", bridge, "type", "bridge"]);
  if (added.code !== 0 && !(await bridgeExists(bridge)))
    throw new Error(`ip link add ${bridge}: ${added.stderr.trim()}`);
  await run("ip", "address", "replace", `${gateway}/${prefix}`, "dev", bridge);
  await run("ip", "link", "set", bridge, "up");
  await forward();
  for (const rule of record.rules) await ensureRule(rule);
  return record;
}

/** Whether the network is there and up. */
export async function networkIsUp(cluster: string): Promise<boolean> {
  const record = await readNetwork(cluster);
  if (record === undefined) return false;
  const { code, stdout } = await attempt("ip", ["-json", "link", "show", "dev", record.bridge, "up"]);
  return code === 0 && stdout.includes(record.bridge);
}

/** Removes the network and everything else that is left of a lab without machines; safe to repeat. */
export async function removeNetwork(cluster: string): Promise<void> {
  const machines = await listMachines(cluster);
  if (machines.length > 0)
    throw new Error(`network of lab "${cluster}": it still has the machines ${machines.join(", ")}; remove them first`);
  const record = await readNetwork(cluster);
  for (const rule of record?.rules ?? []) await removeRule(rule);
  const bridge = record?.bridge ?? bridgeName(cluster);
  if (await bridgeExists(bridge)) await run("ip", "link", "delete", bridge);
  await removeGroups(cluster);
  await removeNetworkRecord(cluster);
  await rm(labDirectory(cluster), { recursive: true, force: true });
  await forgetHost();
}

/** After the last lab: the host forwards as before, and the labs' directory is gone. */
export async function forgetHost(): Promise<void> {
  if ((await listClusters()).length > 0) return;
  if (await readFile(forwardingMark).catch(() => undefined)) {
    await writeFile(FORWARDING, "0");
    await rm(forwardingMark, { force: true });
  }
  // Not empty: another lab is being made right now.
  await rmdir(LAB_ROOT).catch(() => undefined);
}

async function bridgeExists(bridge: string): Promise<boolean> {
  return (await attempt("ip", ["link", "show", "dev", bridge])).code === 0;
}

async function forwardsSelectively(): Promise<boolean> {
  return (await run("iptables", "--wait", "-S", "FORWARD")).trim() !== "-P FORWARD ACCEPT";
}

async function forward(): Promise<void> {
  if ((await readFile(FORWARDING, "utf8")).trim() === "1") return;
  await mkdir(LAB_ROOT, { recursive: true });
  await writeFile(forwardingMark, "by the lab; restored when the last lab is removed\n");
  await writeFile(FORWARDING, "1");
}

async function ruleExists({ table, chain, words }: FirewallRule): Promise<boolean> {
  return (await attempt("iptables", ["--wait", "-t", table, "-C", chain, ...words])).code === 0;
}

/** First in its chain, so that a rule that refuses everything does not come before it. */
async function ensureRule(rule: FirewallRule): Promise<void> {
  if (!(await ruleExists(rule))) await run("iptables", "--wait", "-t", rule.table, "-I", rule.chain, ...rule.words);
}

export async function removeRule(rule: FirewallRule): Promise<void> {
  while (await ruleExists(rule)) await run("iptables", "--wait", "-t", rule.table, "-D", rule.chain, ...rule.words);
}
