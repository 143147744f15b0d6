/** Faults for tests and rehearsals: cut cables and lost power. */
import { machineLock, withLock } from "./lock";
import { powerOn as bootMachine, inNetworkOf, isOn, powerOff } from "./power";
import { listMachines, readMachine } from "./record";

export { powerOff } from "./power";

/** One machine of a lab. */
export interface MachineName {
  readonly cluster: string;
  readonly key: string;
}

/** Which packets are lost: those to the machine, those from it, or all. */
export type Direction = "both" | "inbound" | "outbound";

const COMMENT = ["-m", "comment", "--comment", "pgkeel-fault"];

/**
 * The rules of a cut, as words of iptables: in the machine's own network namespace, before connection tracking, so that open connections
 * lose their packets too and nobody is told. Bridged packets need not pass the host's firewall. Pure.
 */
export function cutRules(direction: Direction, peers: readonly string[]): string[][] {
  const ends: [boolean, string[], string][] = [
    [direction !== "outbound", ["PREROUTING", "-i", "host0"], "-s"],
    [direction !== "inbound", ["OUTPUT", "-o", "host0"], "-d"],
  ];
  return ends
    .filter(([wanted]) => wanted)
    .flatMap(([, chain, option]) => {
      const targets = peers.length === 0 ? [[]] : peers.map((peer) => [option, peer]);
      return targets.map((target) => [...chain, ...target, ...COMMENT, "-j", "DROP"]);
    });
}

/**
 * Cuts a machine off: from everything, this host included, or from some other machines of its lab. Another cut of the same machine replaces
 * the former. Switching the machine off heals it too.
 */
export async function cut(
  name: MachineName,
  direction: Direction = "both",
  peers: readonly string[] = [],
): Promise<void> {
  const addresses = await Promise.all(peers.map((key) => addressOf({ ...name, key })));
  await heal(name);
  for (const words of cutRules(direction, addresses)) await iptables(name, "-A", ...words);
}

export const cutInbound = (name: MachineName, peers: readonly string[] = []) => cut(name, "inbound", peers);
export const cutOutbound = (name: MachineName, peers: readonly string[] = []) => cut(name, "outbound", peers);

/** Undoes every cut of a machine; nothing to do for one that is off. */
export async function heal(name: MachineName): Promise<void> {
  if (!(await isOn(name))) return;
  for (const line of (await iptables(name, "-S")).split("\n"))
    if (line.startsWith("-A ") && line.includes("pgkeel-fault"))
      await iptables(name, "-D", ...line.slice(3).trim().split(" "));
}

/** Switches a machine on as it was, and waits until its sshd answers. */
export async function powerOn(name: MachineName): Promise<void> {
  const record = await readMachine(name.cluster, name.key);
  if (record === undefined) throw new Error(`lab "${name.cluster}" has no machine ${name.key}`);
  await withLock(machineLock(name), () => bootMachine(record));
}

/** All machines of a lab lose power at once. */
export async function wholeLabOff(cluster: string): Promise<void> {
  const keys = await listMachines(cluster);
  await Promise.all(keys.map((key) => powerOff({ cluster, key })));
}

export async function wholeLabOn(cluster: string): Promise<void> {
  const keys = await listMachines(cluster);
  await Promise.all(keys.map((key) => powerOn({ cluster, key })));
}

async function addressOf(name: MachineName): Promise<string> {
  const record = await readMachine(name.cluster, name.key);
  if (record === undefined) throw new Error(`lab "${name.cluster}" has no machine ${name.key}`);
  return record.address;
}

async function iptables(name: MachineName, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await inNetworkOf(name, "iptables", "--wait", "-t", "raw", ...words);
  if (code !== 0) throw new Error(`machine ${name.key}: iptables ${words.join(" ")}: ${stderr.trim()}`);
  return stdout;
}
