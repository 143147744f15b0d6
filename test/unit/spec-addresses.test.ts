/** Addresses of lab machines by their keys. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bridgeAddress, formatAddress, parseNetwork } from "../../components/spec";
import {
  contains,
  derivedAddress,
  isMachineAddress,
  type Network,
  parseAddress,
  room,
} from "../../components/spec/addresses";

const network = (cidr: string) => parseNetwork(cidr) as Network;
const key = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}[a-z0-9]$/);
const labNetwork = fc
  .tuple(fc.integer({ min: 24, max: 29 }), fc.nat(255))
  .map(([prefix, host]) => network(`198.18.0.${host - (host % 2 ** (32 - prefix))}/${prefix}`));

describe("the address of a key", () => {
  it.each([
    ["198.18.0.0/25", "db-1", "198.18.0.11"],
    ["198.18.0.0/25", "db-3", "198.18.0.13"],
    ["198.18.0.0/25", "db-100", "198.18.0.110"],
    ["198.18.0.128/25", "db-1", "198.18.0.139"],
    ["198.18.0.0/25", "etcd-1", "198.18.0.73"],
    ["198.18.0.0/25", "pooler-1", "198.18.0.104"],
    ["198.18.0.32/27", "db-1", "198.18.0.43"],
  ])("in %s of %s is %s", (cidr, name, expected) => {
    expect(derivedAddress(network(cidr), name)).toBe(expected);
  });

  it("is one that a machine of the network may have", () => {
    fc.assert(
      fc.property(labNetwork, key, (network, name) => {
        const address = parseAddress(derivedAddress(network, name)) as number;
        expect(isMachineAddress(network, address)).toBe(true);
        expect(formatAddress(address)).not.toBe(bridgeAddress(network));
      }),
    );
  });

  it("differs among keys of one prefix, as many as the network has room for", () => {
    fc.assert(
      fc.property(labNetwork, fc.stringMatching(/^[a-z]{1,8}$/), (network, prefix) => {
        const keys = Array.from({ length: room(network) }, (_, index) => `${prefix}-${index + 1}`);
        expect(new Set(keys.map((name) => derivedAddress(network, name))).size).toBe(room(network));
      }),
    );
  });

  it("differs among members, etcd machines and poolers of a usual cluster", () => {
    const names = ["db", "etcd", "pooler"].flatMap((prefix) => [1, 2, 3, 4, 5].map((n) => `${prefix}-${n}`));
    for (const cidr of ["198.18.0.0/24", "198.18.0.0/25", "198.18.0.64/26"])
      expect(new Set(names.map((name) => derivedAddress(network(cidr), name))).size).toBe(names.length);
  });
});

describe("a network", () => {
  it("is read and written", () => {
    expect(network("10.1.0.0/16")).toEqual({ base: 10 * 2 ** 24 + 2 ** 16, prefix: 16 });
    expect(bridgeAddress(network("198.18.0.0/25"))).toBe("198.18.0.1");
    expect(room(network("198.18.0.0/25"))).toBe(125);
    expect(contains(network("198.18.0.0/25"), parseAddress("198.18.0.128") as number)).toBe(false);
    expect(formatAddress(parseAddress("255.255.255.255") as number)).toBe("255.255.255.255");
  });

  it.each(["10.0.0.0", "10.0.0/8", "10.0.0.0/33", "10.0.0.256/8", "10.0.0.01/8", "a.b.c.d/8", "10.0.0.0/-1", ""])(
    "is not %j",
    (text) => {
      expect(parseNetwork(text)).toBeUndefined();
    },
  );
});
