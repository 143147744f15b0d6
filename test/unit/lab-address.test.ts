import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bridgeName,
  containerName,
  formatAddress,
  isMachineAddress,
  overlaps,
  parseAddress,
  parseNetwork,
  parseRange,
} from "../../components/platform/lab/address";

const number = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const clusterName = fc.stringMatching(/^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/);

describe("addresses", () => {
  it("come back as they were written", () => {
    fc.assert(fc.property(number, (address) => parseAddress(formatAddress(address)) === address));
  });

  it.each(["198.18.0", "198.18.0.256", "198.18.0.1.2", "a.b.c.d", ""])("refuses %j", (text) => {
    expect(() => parseAddress(text)).toThrow(/expected an IPv4 address/);
  });
});

describe("networks", () => {
  it("takes one apart", () => {
    expect(parseNetwork("198.18.0.128/26")).toEqual({
      cidr: "198.18.0.128/26",
      base: parseAddress("198.18.0.128"),
      prefix: 26,
      broadcast: parseAddress("198.18.0.191"),
      gateway: "198.18.0.129",
    });
  });

  it("refuses an address inside a network and names the network", () => {
    expect(() => parseNetwork("198.18.0.5/25")).toThrow(/write 198\.18\.0\.0\/25/);
  });

  it.each(["198.18.0.0", "198.18.0.0/31", "198.18.0.0/8", "198.18.0.0/x", "198.18.0.0/25/1"])("refuses %j", (text) => {
    expect(() => parseNetwork(text)).toThrow(/network: got/);
  });

  it("gives machines every address but its own, the host's and the last", () => {
    const network = parseNetwork("198.18.0.0/29");
    const free = Array.from({ length: 12 }, (_, host) => `198.18.0.${host}`).filter((address) =>
      isMachineAddress(network, address),
    );
    expect(free).toEqual(["198.18.0.2", "198.18.0.3", "198.18.0.4", "198.18.0.5", "198.18.0.6"]);
  });

  it("overlap just when they share an address", () => {
    const range = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 }));
    fc.assert(
      fc.property(range, range, ([a, aLength], [b, bLength]) => {
        const [one, two] = [parseRange(`10.0.0.${a}/${aLength}`), parseRange(`10.0.0.${b}/${bLength}`)];
        const inside = (range: typeof one) =>
          new Set(Array.from({ length: range.broadcast - range.base + 1 }, (_, offset) => range.base + offset));
        const shared = [...inside(one)].some((address) => inside(two).has(address));
        return overlaps(one, two) === shared && overlaps(two, one) === shared;
      }),
    );
  });
});

describe("names", () => {
  it("keeps a short cluster's name readable", () => {
    expect(bridgeName("lab")).toBe("pgk-lab");
  });

  it("fits into an interface's name, and differs for clusters that start alike", () => {
    fc.assert(fc.property(clusterName, (cluster) => bridgeName(cluster).length <= 15));
    expect(bridgeName("production-east")).not.toBe(bridgeName("production-west"));
  });

  it("fits into a machine's name with the longest cluster and key", () => {
    fc.assert(fc.property(clusterName, clusterName, (cluster, key) => containerName(cluster, key).length <= 60));
    expect(containerName("c".repeat(32), "k".repeat(32))).not.toBe(containerName("c".repeat(32), `${"k".repeat(31)}l`));
  });
});
