/** Rules for addresses, names and host keys, by platform. */
import {
  aligned,
  contains,
  derivedAddress,
  formatAddress,
  formatNetwork,
  isMachineAddress,
  LAB_RANGE,
  type Network,
  parseAddress,
  parseNetwork,
  room,
} from "../addresses";
import { type Mistake, nearest, pathOf, show } from "../mistake";
import { type Draft, isWhole, keysOf, machinesOf } from "./draft";

/** Linux's HOST_NAME_MAX is 64; a label of a DNS name (RFC 1035) and a name in a certificate's SAN has 63 at most. */
const LONGEST_HOST_NAME = 63;

export function networkRules(draft: Draft): Mistake[] {
  return [...hostNames(draft), ...labRules(draft), ...sshRules(draft)];
}

function hostNames(draft: Draft): Mistake[] {
  const { name } = draft.declared;
  if (name === undefined) return [];
  return keysOf(draft)
    .filter((key) => `${name}-${key}`.length > LONGEST_HOST_NAME)
    .map((key) => ({
      path: pathOf("machines", key),
      problem: `its host name ${name}-${key} has ${`${name}-${key}`.length} characters; expected at most ${LONGEST_HOST_NAME} (shorten the key or the cluster's name)`,
    }));
}

const SMALLEST_LAB = 29;
const LARGEST_LAB = 24;

function labRules(draft: Draft): Mistake[] {
  const { platform } = draft.declared;
  if (platform?.kind !== "lab" || platform.network === undefined) return [];
  const network = parseNetwork(platform.network);
  const problem = labNetworkProblem(platform.network, network);
  if (problem !== undefined || network === undefined) return [{ path: "platform.network", problem: problem ?? "" }];
  const keys = keysOf(draft);
  if (keys.length > room(network))
    return [
      {
        path: "platform.network",
        problem: `got ${show(platform.network)} with room for ${room(network)} machines, and ${keys.length} machines; expected a larger network inside ${LAB_RANGE}`,
      },
    ];
  return [...labAddresses(draft, network), ...uniqueAddresses(draft, (key) => derivedAddress(network, key))];
}

function labNetworkProblem(given: string, network: Network | undefined): string | undefined {
  const range = parseNetwork(LAB_RANGE) as Network;
  const expected = `expected a network inside ${LAB_RANGE} from /${LARGEST_LAB} to /${SMALLEST_LAB}, such as "198.18.0.0/25"`;
  if (network === undefined) return `got ${show(given)}; ${expected}`;
  if (!contains(range, network.base) || network.prefix < LARGEST_LAB || network.prefix > SMALLEST_LAB)
    return `got ${show(given)}; ${expected} (that range is kept free for such use: RFC 2544)`;
  const begin = aligned(network);
  if (begin.base !== network.base)
    return `got ${show(given)}, which is not where a network begins; expected "${formatNetwork(begin)}"`;
  return undefined;
}

function labAddresses(draft: Draft, network: Network): Mistake[] {
  const { base } = aligned(network);
  const first = formatAddress(base + 2);
  const last = formatAddress(base + 2 + room(network) - 1);
  return machinesOf(draft).flatMap(([key, { address }]) => {
    const number = address === undefined ? undefined : parseAddress(address);
    if (number === undefined || isMachineAddress(network, number)) return [];
    const why = number === base + 1 ? "the first address is this host's" : `the network is ${formatNetwork(network)}`;
    return [
      {
        path: pathOf("machines", key, "address"),
        problem: `got ${show(address)}; expected one from ${first} to ${last} (${why}), or nothing`,
      },
    ];
  });
}

/** Every machine has an address of its own. Of two machines the one whose address was derived is told, else the later key. */
function uniqueAddresses(draft: Draft, derive: (key: string) => string | undefined): Mistake[] {
  const owners = new Map<string, string>();
  const declaredFirst = [...machinesOf(draft)].sort(
    ([, a], [, b]) => Number(a.address === undefined) - Number(b.address === undefined),
  );
  return declaredFirst.flatMap(([key, { address: declared }]) => {
    if (!isWhole(draft, `machines.${key}.address`)) return [];
    const address = declared ?? derive(key);
    if (address === undefined) return [];
    const owner = owners.get(address);
    if (owner === undefined) {
      owners.set(address, key);
      return [];
    }
    const path = pathOf("machines", key, "address");
    return declared === undefined
      ? [
          {
            path,
            problem: `its key gives ${address}, which is the address of ${owner} too; expected one of its own (set address on one of the two)`,
          },
        ]
      : [{ path, problem: `got ${show(address)}, which is the address of ${owner} too; expected one of its own` }];
  });
}

function sshRules(draft: Draft): Mistake[] {
  const { platform } = draft.declared;
  if (platform?.kind !== "ssh") return [];
  const addresses = machinesOf(draft).flatMap(([key, { address }]) => {
    if (!isWhole(draft, `machines.${key}.address`)) return [];
    const path = pathOf("machines", key, "address");
    if (address === undefined)
      return [
        {
          path,
          problem: "is missing; expected the machine's IPv4 address (on the platform ssh machines exist already)",
        },
      ];
    return isHostAddress(address)
      ? []
      : [{ path, problem: `got ${show(address)}; expected an address by which other machines reach it` }];
  });
  return [...addresses, ...uniqueAddresses(draft, () => undefined), ...hostKeys(draft, platform.hostKeys)];
}

/** Not loopback, "this network", multicast, reserved or broadcast (RFC 6890). */
function isHostAddress(address: string): boolean {
  const first = Number(address.split(".")[0]);
  return first !== 0 && first !== 127 && first < 224;
}

function hostKeys(draft: Draft, given: Readonly<Record<string, unknown>> | undefined): Mistake[] {
  if (given === undefined || draft.declared.machines === undefined) return [];
  const keys = keysOf(draft);
  const missing = keys
    .filter((key) => !Object.hasOwn(given, key) && !draft.unreadable.has(pathOf("platform", "hostKeys", key)))
    .map((key) => ({
      path: pathOf("platform", "hostKeys", key),
      problem:
        'is missing; expected the public host key of the machine, such as "ssh-ed25519 AAAA…" (`ssh-keyscan -t ed25519 <address>` prints it; compare it with the machine\'s own)',
    }));
  const unknown = Object.keys(given)
    .filter((key) => !keys.includes(key))
    .map((key) => {
      const near = nearest(key, keys);
      return {
        path: pathOf("platform", "hostKeys", key),
        problem: `there is no machine of that key; expected one of ${keys.join(", ")} (${near === undefined ? "remove it" : `did you mean ${near}?`})`,
      };
    });
  return [...missing, ...unknown];
}
