import { describe, expect, it } from "vitest";
import { diffMachine, hasChanges } from "../../components/platform/lab/diff";
import type { MachineInputs } from "../../components/platform/lab/record";

const machine: MachineInputs = {
  cluster: "lab",
  key: "db-1",
  hostname: "lab-db-1",
  address: "198.18.0.11",
  network: "198.18.0.0/25",
  vcpu: 2,
  memory: "2GB",
  disks: { data: "10GB", wal: "2GB" },
  zone: "a",
  image: "debian-13",
  authorizedKey: "ssh-ed25519 AAAA one",
};
const nothing = { replaces: [], powerCycle: false, grows: [], login: false };

/** What each changed field does: the whole table. */
const table: [string, Partial<MachineInputs>, Partial<ReturnType<typeof diffMachine>>][] = [
  ["nothing", {}, {}],
  ["the same sizes in other units", { memory: "2048MB", disks: { data: "10240MB", wal: "2048MB" } }, {}],
  ["more CPU", { vcpu: 4 }, { powerCycle: true }],
  ["less memory", { memory: "1GB" }, { powerCycle: true }],
  ["a larger data disk", { disks: { data: "20GB", wal: "2GB" } }, { grows: ["data"] }],
  ["a larger WAL disk", { disks: { data: "10GB", wal: "3GB" } }, { grows: ["wal"] }],
  ["a smaller data disk", { disks: { data: "9GB", wal: "2GB" } }, { replaces: ["disks.data"] }],
  ["no WAL disk any more", { disks: { data: "10GB" } }, { replaces: ["disks.wal"] }],
  ["another login key", { authorizedKey: "ssh-ed25519 AAAA two" }, { login: true }],
  ["another zone", { zone: "b" }, { replaces: ["zone"] }],
  ["another image", { image: "debian-13.1" }, { replaces: ["image"] }],
  ["another address", { address: "198.18.0.12" }, { replaces: ["address"] }],
  ["another network", { network: "198.18.0.0/24" }, { replaces: ["network"] }],
  ["another host name", { hostname: "lab-db-9" }, { replaces: ["hostname"] }],
  ["another key", { key: "db-9" }, { replaces: ["key"] }],
  ["size and disk at once", { vcpu: 1, disks: { data: "11GB", wal: "2GB" } }, { powerCycle: true, grows: ["data"] }],
];

describe("what a change does to a lab machine", () => {
  it.each(table)("%s", (_, change, expected) => {
    expect(diffMachine(machine, { ...machine, ...change })).toEqual({ ...nothing, ...expected });
  });

  it("a first WAL disk means another machine", () => {
    const without: MachineInputs = { ...machine, disks: { data: "10GB" } };
    expect(diffMachine(without, machine).replaces).toEqual(["disks.wal"]);
  });

  it("only the first two rows are no change", () => {
    const changed = table.map(([, change]) => hasChanges(diffMachine(machine, { ...machine, ...change })));
    expect(changed).toEqual(table.map((_, row) => row > 1));
  });
});
