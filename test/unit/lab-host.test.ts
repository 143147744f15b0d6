/** The pure parts of how the lab changes its host: rules, control groups, mounts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutRules } from "../../components/platform/lab/faults";
import { hierarchies, limitWrites } from "../../components/platform/lab/limits";
import { mountPoints } from "../../components/platform/lab/mounts";
import { firewallRules } from "../../components/platform/lab/network";
import { formatMegabytes, parseBytes } from "../../components/platform/lab/size";

describe("firewall rules", () => {
  it("is one MASQUERADE where the host forwards everything", () => {
    expect(firewallRules("lab", "198.18.0.0/25", "pgk-lab", false)).toEqual([
      {
        table: "nat",
        chain: "POSTROUTING",
        words: "-s 198.18.0.0/25 ! -d 198.18.0.0/25 -m comment --comment pgkeel-lab:lab -j MASQUERADE".split(" "),
      },
    ]);
  });

  it("lets the bridge through where the host forwards selectively, both ways", () => {
    const [, ...accepts] = firewallRules("lab", "198.18.0.0/25", "pgk-lab", true);
    expect(accepts.map(({ chain, words }) => [chain, words[0], words[1], words.at(-1)])).toEqual([
      ["FORWARD", "-i", "pgk-lab", "ACCEPT"],
      ["FORWARD", "-o", "pgk-lab", "ACCEPT"],
    ]);
  });
});

describe("rules of a cut", () => {
  const short = (rules: string[][]) =>
    rules.map((words) => words.join(" ").replace(" -m comment --comment pgkeel-fault", ""));

  it("drops before connection tracking, on the cable only", () => {
    expect(short(cutRules("both", []))).toEqual(["PREROUTING -i host0 -j DROP", "OUTPUT -o host0 -j DROP"]);
    expect(short(cutRules("inbound", []))).toEqual(["PREROUTING -i host0 -j DROP"]);
    expect(short(cutRules("outbound", []))).toEqual(["OUTPUT -o host0 -j DROP"]);
  });

  it("is limited to the peers that are named", () => {
    expect(short(cutRules("both", ["198.18.0.12", "198.18.0.13"]))).toEqual([
      "PREROUTING -i host0 -s 198.18.0.12 -j DROP",
      "PREROUTING -i host0 -s 198.18.0.13 -j DROP",
      "OUTPUT -o host0 -d 198.18.0.12 -j DROP",
      "OUTPUT -o host0 -d 198.18.0.13 -j DROP",
    ]);
  });
});

describe("control groups", () => {
  const hybrid = [
    "tmpfs /sys/fs/cgroup tmpfs rw 0 0",
    "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0",
    "cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0",
    "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0",
    "cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0",
    "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0",
  ].join("\n");
  const unified = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
  const limits = { vcpu: 1.5, memoryBytes: 2 ** 31 };

  it("finds version 1 controllers beside a version 2 tree", () => {
    const layout = hierarchies(hybrid, () => "hugetlb\n");
    expect(layout).toEqual({
      cpu: { version: 1, mount: "/sys/fs/cgroup/cpu,cpuacct" },
      memory: { version: 1, mount: "/sys/fs/cgroup/memory" },
      unified: "/sys/fs/cgroup/unified",
      all: ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/systemd"],
    });
    expect(limitWrites(layout, limits).map(({ file, value }) => `${file}=${value}`)).toEqual([
      "cpu.cfs_period_us=100000",
      "cpu.cfs_quota_us=150000",
      "memory.limit_in_bytes=2147483648",
    ]);
  });

  it("uses the version 2 tree where it has the controllers", () => {
    const layout = hierarchies(unified, () => "cpuset cpu io memory pids\n");
    expect(layout.all).toEqual(["/sys/fs/cgroup"]);
    expect(limitWrites(layout, limits).map(({ file, value }) => `${file}=${value}`)).toEqual([
      "cpu.max=150000 100000",
      "memory.max=2147483648",
    ]);
  });

  it("limits nothing where there is no controller, and says so by leaving it out", () => {
    const layout = hierarchies(unified, () => "pids\n");
    expect([layout.cpu, layout.memory]).toEqual([undefined, undefined]);
    expect(limitWrites(layout, limits)).toEqual([]);
  });

  it("refuses a host without a version 2 tree", () => {
    expect(() => hierarchies("proc /proc proc rw 0 0", () => "")).toThrow(/needs a cgroup2 filesystem/);
  });
});

describe("mount points", () => {
  it("are read with their blanks", () => {
    expect(mountPoints("a / ext4 rw 0 0\nb /mnt/my\\040disk\\011x ext4 rw 0 0\n")).toEqual(["/", "/mnt/my disk\tx"]);
  });
});

describe("sizes", () => {
  it("are PostgreSQL's: 1kB is 1024 bytes", () => {
    expect([parseBytes("512MB"), parseBytes("2GB"), parseBytes("1TB")]).toEqual([2 ** 29, 2 ** 31, 2 ** 40]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 6 }), (mb) => formatMegabytes(parseBytes(`${mb}MB`)) === `${mb} MB`),
    );
  });

  it.each(["", "0GB", "1gb", "1.5GB", "10"])("refuses %j", (text) => {
    expect(() => parseBytes(text)).toThrow(/expected a number with MB, GB or TB/);
  });
});
