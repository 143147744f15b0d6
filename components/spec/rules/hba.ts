/** Rules for the declaration's own rules of pg_hba. */
import { aligned, formatNetwork, parseNetwork } from "../addresses";
import { listed, type Mistake, show } from "../mistake";
import type { Draft } from "./draft";

type Rule = NonNullable<NonNullable<Draft["declared"]["hba"]>[number]>;

const ADDRESS_WORDS = ["samenet", "samehost", "all"];
const DATABASE_WORDS = ["all", "sameuser", "samerole", "replication"];

export function hbaRules({ declared, unreadable }: Draft): Mistake[] {
  // Where a rule could not be read it was left out, and the positions of the later ones are not those of the declaration.
  if ([...unreadable].some((path) => /^hba\[\d+\]$/.test(path))) return [];
  return (declared.hba ?? []).flatMap((rule, index) => {
    const path = `hba[${index}]`;
    return [
      ...address(rule, `${path}.address`),
      ...names(rule.database, `${path}.database`, "databases", DATABASE_WORDS),
      ...names(rule.user, `${path}.user`, "roles", ["all"]),
      ...combination(rule, path),
    ];
  });
}

function address({ address }: Rule, path: string): Mistake[] {
  if (address === undefined || ADDRESS_WORDS.includes(address)) return [];
  if (address.includes(":")) return ipv6(address, path);
  const network = parseNetwork(address);
  if (network === undefined)
    return [
      {
        path,
        problem: `got ${show(address)}; expected a network in CIDR notation such as "10.0.0.0/16", one address such as "10.0.0.5/32", or ${ADDRESS_WORDS.join(", ")}`,
      },
    ];
  const begin = aligned(network);
  if (begin.base === network.base) return [];
  return [
    {
      path,
      problem: `got ${show(address)}, which has bits set after its prefix; expected "${formatNetwork(begin)}" for the network, or "${address.split("/")[0]}/32" for the one address`,
    },
  ];
}

function ipv6(address: string, path: string): Mistake[] {
  const [host = "", prefix = ""] = address.split("/");
  const valid = /^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= 128 && isIpv6(host);
  return valid
    ? []
    : [{ path, problem: `got ${show(address)}; expected an IPv6 network in CIDR notation such as "2001:db8::/32"` }];
}

function isIpv6(host: string): boolean {
  const halves = host.split("::");
  const groups = host.split(/::?/).filter((group) => group !== "");
  return (
    halves.length <= 2 &&
    !host.includes(":::") &&
    groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) &&
    (halves.length === 2 ? groups.length <= 7 : groups.length === 8 && host.split(":").length === 8)
  );
}

/** A name that can stand in a list. "@" would include a file, and "/" begin a pattern. */
const LISTED = /^\+?[^\s,"#+/@\p{Cc}][^\s,"#\p{Cc}]*$/u;
/** Any other name: it stands by itself, and is put in quotes where it is written. */
const ALONE = /^[^,+/@\p{Cc}][^,\p{Cc}]*$/u;

function names(list: string | undefined, path: string, what: string, words: readonly string[]): Mistake[] {
  if (list === undefined) return [];
  const items = list.split(",");
  const wrong = items.find((item) => !LISTED.test(item));
  if (wrong !== undefined && !ALONE.test(list)) {
    const expected = `names of ${what} with commas and no blanks between them, or ${listed(words)}`;
    return [{ path, problem: `got ${show(wrong)}; expected ${expected} (a name with blanks stands by itself)` }];
  }
  return items.length > 1 && items.includes("all")
    ? [{ path, problem: `got ${show(list)}; expected all by itself (it covers every other name)` }]
    : [];
}

function combination({ type, method }: Rule, path: string): Mistake[] {
  if (method !== "cert" || type === undefined || type === "hostssl") return [];
  return [
    {
      path: `${path}.method`,
      problem: `got "cert" with type ${show(type)}; expected type "hostssl" (a client shows its certificate over TLS)`,
    },
  ];
}
