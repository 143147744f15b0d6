/** Arithmetic of the lab's network and the names that follow from it. Pure. */
import { createHash } from "node:crypto";

/** An IPv4 network in CIDR notation, taken apart. Addresses are unsigned 32-bit numbers. */
export interface Network {
  readonly cidr: string;
  readonly base: number;
  readonly prefix: number;
  readonly broadcast: number;
  /** The host's own address in it: the first one. */
  readonly gateway: string;
}

/** The longest prefix that leaves room for the host and one machine, and the shortest that a lab should take. */
const PREFIXES = { min: 16, max: 30 };

/** Linux's limit for the name of a network interface, without the terminating zero (IFNAMSIZ). */
const INTERFACE_NAME_LENGTH = 15;

export function parseAddress(text: string): number {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255))
    throw new Error(`address: got "${text}"; expected an IPv4 address such as 198.18.0.11`);
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

export function parseNetwork(cidr: string): Network {
  const [address, length, ...rest] = cidr.split("/");
  const prefix = Number(length);
  if (rest.length > 0 || !/^\d+$/.test(length ?? "") || prefix < PREFIXES.min || prefix > PREFIXES.max)
    throw new Error(
      `network: got "${cidr}"; expected CIDR notation with a prefix from ${PREFIXES.min} to ${PREFIXES.max}, such as 198.18.0.0/25`,
    );
  const given = parseAddress(address ?? "");
  const size = 2 ** (32 - prefix);
  const base = given - (given % size);
  if (base !== given)
    throw new Error(
      `network: got "${cidr}", which is not the start of a network; write ${formatAddress(base)}/${prefix}`,
    );
  return { cidr, base, prefix, broadcast: base + size - 1, gateway: formatAddress(base + 1) };
}

/** Whether a machine can have this address: inside, and neither the network's, the host's nor the broadcast address. */
export function isMachineAddress(network: Network, address: string): boolean {
  const number = parseAddress(address);
  return number > network.base + 1 && number < network.broadcast;
}

/** Whether two networks share an address. Takes any pair of ranges, so that routes of any prefix can be compared. */
export function overlaps(a: { base: number; broadcast: number }, b: { base: number; broadcast: number }): boolean {
  return a.base <= b.broadcast && b.base <= a.broadcast;
}

/** The range of a route or interface address such as "10.0.0.5/8" or "192.0.2.1" (one address). */
export function parseRange(text: string): { base: number; broadcast: number } {
  const [address, length] = text.split("/");
  const size = 2 ** (32 - Number(length ?? 32));
  const number = parseAddress(address ?? "");
  const base = number - (number % size);
  return { base, broadcast: base + size - 1 };
}

function digest(text: string, length: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}

/** `pgk-CLUSTER`, or, where that is too long for an interface, its start and a hash of the whole. */
export function bridgeName(cluster: string): string {
  const plain = `pgk-${cluster}`;
  return plain.length <= INTERFACE_NAME_LENGTH ? plain : `pgk-${cluster.slice(0, 4)}-${digest(cluster, 6)}`;
}

/** The machine's name towards systemd-nspawn, which also names its network interface: one per cluster and key. */
export function containerName(cluster: string, key: string): string {
  const plain = `${cluster}-${key}`;
  return plain.length <= 60 ? plain : `${plain.slice(0, 50)}-${digest(plain, 8)}`;
}
