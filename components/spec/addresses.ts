/** Addresses of lab machines: derived from a machine's key, never from its position, so removing another one moves none. */

/** The range that the lab's networks are part of: RFC 2544, kept for benchmarks, routed nowhere. */
export const LAB_RANGE = "198.18.0.0/24";

/** An IPv4 network. */
export interface Network {
  /** Its first address, as a number. */
  readonly base: number;
  /** Length of the prefix, 0 to 32. */
  readonly prefix: number;
}

/** Parses CIDR notation; undefined where it is none. Bits after the prefix are kept in `base`: see `isAligned`. */
export function parseNetwork(cidr: string): Network | undefined {
  const [, address, prefix] = /^([0-9.]+)\/([0-9]{1,2})$/.exec(cidr) ?? [];
  const base = address === undefined ? undefined : parseAddress(address);
  if (base === undefined || Number(prefix) > 32) return undefined;
  return { base, prefix: Number(prefix) };
}

/** IPv4 address as a number; undefined where it is none. */
export function parseAddress(address: string): number | undefined {
  const octets = address.split(".");
  if (octets.length !== 4 || !octets.every((octet) => /^(0|[1-9][0-9]{0,2})$/.test(octet) && Number(octet) <= 255))
    return undefined;
  return octets.reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

/** A number as an IPv4 address. */
export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

const sizeOf = ({ prefix }: Network) => 2 ** (32 - prefix);

/** The network with every bit after the prefix cleared. */
export function aligned(network: Network): Network {
  return { base: network.base - (network.base % sizeOf(network)), prefix: network.prefix };
}

export function formatNetwork({ base, prefix }: Network): string {
  return `${formatAddress(base)}/${prefix}`;
}

/** Whether an address lies in a network. */
export function contains(network: Network, address: number): boolean {
  const { base } = aligned(network);
  return address >= base && address < base + sizeOf(network);
}

/** First host address of a network: the bridge, that is this host. */
export function bridgeAddress(network: Network): string {
  return formatAddress(aligned(network).base + 1);
}

/** Machines that a network has room for: all addresses but network, bridge and broadcast. */
export function room(network: Network): number {
  return Math.max(0, sizeOf(network) - 3);
}

/** Whether an address is one that a machine of the network may have. */
export function isMachineAddress(network: Network, address: number): boolean {
  const { base } = aligned(network);
  return address >= base + 2 && address < base + sizeOf(network) - 1;
}

/** Where the machines of the usual names begin, as a part of the network: far from each other. */
const USUAL_BEGIN: Readonly<Record<string, number>> = { db: 0, etcd: 1 / 2, pooler: 3 / 4 };
/** db-1 of a network with enough room ends in .11. */
const OFFSET = 8;

/**
 * Address of a machine by its key. `<prefix>-<n>` is the n-th after a beginning that the prefix alone decides, any other
 * key is spread by a hash. Two keys may come to the same address: that is reported as a mistake, and one of them needs an
 * `address` of its own. The network must have room (see `room`).
 */
export function derivedAddress(network: Network, key: string): string {
  const places = room(network);
  const [, prefix, digits] = /^(.*)-([0-9]{1,9})$/.exec(key) ?? [undefined, key, "0"];
  const begin = USUAL_BEGIN[prefix as string];
  const first = begin === undefined ? hash(prefix as string) : OFFSET + Math.floor(begin * places);
  return formatAddress(aligned(network).base + 2 + ((first + Number(digits)) % places));
}

/** FNV-1a, 32 bits: the same everywhere and always. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (const byte of Buffer.from(text)) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0;
  return sum;
}
