/**
 * The lab's machines themselves, without a cluster on them: that declared sizes hold, that power and cables can be taken away and given
 * back without loss, that an interrupted creation is carried on, and that nothing is left in the end.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cut, heal, powerOff, powerOn, wholeLabOff, wholeLabOn } from "../../components/platform/lab/faults";
import { networkProblems } from "../../components/platform/lab/host";
import { hostHierarchies } from "../../components/platform/lab/limits";
import { createMachine, deleteMachine, readMachineState, updateMachine } from "../../components/platform/lab/machine";
import { ensureNetwork, networkIsUp, removeNetwork } from "../../components/platform/lab/network";
import { findInit, isOn } from "../../components/platform/lab/power";
import { type MachineInputs, machinePaths } from "../../components/platform/lab/record";
import { findTraces, isEmpty, sweep } from "../../components/platform/lab/sweep";
import { until } from "../../components/platform/lab/wait";
import { traces } from "./harness/traces";

const CLUSTER = "platform-test";
/** The part of the lab's range that the tests of single machines take in turn. */
const NETWORK = "198.18.0.192/28";
const NETWORK_START = "198.18.0.19";

const execute = promisify(execFile);
let keys: string;
const a: MachineInputs = machine("m-a", 2);
const b: MachineInputs = machine("m-b", 3);

function machine(key: string, host: number): MachineInputs {
  return {
    cluster: CLUSTER,
    key,
    hostname: `${CLUSTER}-${key}`,
    address: `198.18.0.${192 + host}`,
    network: NETWORK,
    vcpu: 0.5,
    memory: "512MB",
    disks: { data: "400MB", wal: "300MB" },
    zone: "a",
    image: "debian-13",
    authorizedKey: "",
  };
}

const declared = (inputs: MachineInputs): MachineInputs => ({
  ...inputs,
  authorizedKey: readFileSync(join(keys, "login.pub"), "utf8").trim(),
});

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command on a machine by SSH, checking the host key that the machine was made with. */
async function on(inputs: MachineInputs, command: string, login = "login"): Promise<Answer> {
  const options = [
    `UserKnownHostsFile=${join(keys, "known_hosts")}`,
    "GlobalKnownHostsFile=/dev/null",
    "StrictHostKeyChecking=yes",
    "IdentitiesOnly=yes",
    "BatchMode=yes",
    "ConnectTimeout=3",
    "LogLevel=ERROR",
  ].flatMap((option) => ["-o", option]);
  try {
    const args = [...options, "-i", join(keys, login), `root@${inputs.address}`, command];
    return { code: 0, ...(await execute("ssh", args, { timeout: 60_000 })) };
  } catch (error) {
    const { code, stdout, stderr } = error as Answer;
    return { code, stdout, stderr };
  }
}

async function output(inputs: MachineInputs, command: string): Promise<string> {
  const { code, stdout, stderr } = await on(inputs, command);
  if (code !== 0) throw new Error(`${inputs.key}: ${command}: exit code ${code}: ${stderr}`);
  return stdout.trim();
}

const megabytes = async (inputs: MachineInputs, path: string) =>
  Number(await output(inputs, `df --output=size -BM ${path} | tail -1 | tr -dc 0-9`));
const boots = (inputs: MachineInputs) => output(inputs, "cat /proc/sys/kernel/random/boot_id");
const name = ({ cluster, key }: MachineInputs) => ({ cluster, key });

/** SSH trusts just the host key that the platform reports for each machine. */
function trust(...states: { address: string; hostKey: string }[]): void {
  writeFileSync(join(keys, "known_hosts"), states.map(({ address, hostKey }) => `${address} ${hostKey}\n`).join(""));
}

let hostKey: string;

beforeAll(async () => {
  await sweep(CLUSTER);
  keys = mkdtempSync(join(tmpdir(), "pgkeel-platform-"));
  for (const login of ["login", "stranger"])
    await execute("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(keys, login)]);
  await ensureNetwork(CLUSTER, NETWORK);
  const made = await Promise.all([a, b].map((inputs) => createMachine(declared(inputs))));
  trust(...made);
  hostKey = made[0]?.hostKey as string;
});

afterAll(async () => {
  await sweep(CLUSTER);
  rmSync(keys, { recursive: true, force: true });
});

describe("a new machine", () => {
  it("is Debian 13, has the declared name and address, and has no failed unit", async () => {
    expect(await output(a, "hostname; . /etc/os-release; echo $VERSION_ID")).toBe(`${CLUSTER}-m-a\n13`);
    expect(await output(a, "ip -br -4 address show host0 | awk '{print $3}'")).toBe("198.18.0.194/28");
    expect(await output(a, "systemctl is-system-running --wait")).toBe("running");
  });

  it("runs none of the cluster's services", async () => {
    const running = await output(a, "systemctl list-units --type=service --state=active --plain --no-legend");
    expect(running).not.toMatch(/postgres|patroni|etcd|haproxy|pgbouncer|exporter/);
    expect(await output(a, "ls -A /var/lib/postgresql/wal")).toBe("");
  });

  it("lets in the declared key and no other", async () => {
    const stranger = await on(a, "true", "stranger");
    expect(stranger.code).toBe(255);
    expect(stranger.stderr).toContain("Permission denied");
  });

  it("has a host key of its own", async () => {
    const known = readFileSync(join(keys, "known_hosts"), "utf8").trim().split("\n");
    expect(new Set(known.map((line) => line.split(" ")[2])).size).toBe(2);
  });

  it("reaches the host, its neighbour, and the world outside by one rule", async () => {
    await output(a, "ping -c 1 -W 2 198.18.0.193 && ping -c 1 -W 2 198.18.0.195");
    const rules = traces(CLUSTER, NETWORK_START).rules.filter((rule) => rule.includes("MASQUERADE"));
    expect(rules).toHaveLength(1);
    expect(readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim()).toBe("1");
  });
});

describe("declared sizes", () => {
  it("memory: a process that takes more is killed, and the machine lives on", async () => {
    const hog = "python3 -c 'x = bytearray(800 * 1024 * 1024); print(len(x))'; exit $?";
    const { code, stdout } = await on(a, hog);
    expect({ code, stdout }).toEqual({ code: 137, stdout: "" });
    await output(a, "python3 -c 'x = bytearray(200 * 1024 * 1024); print(len(x))'");
  });

  it("CPU: two busy processes get half a core together", async () => {
    const seconds = 4;
    const spin =
      "import time; end = time.monotonic() + 4\nwhile time.monotonic() < end: pass\nprint(time.process_time())";
    const spent = await output(a, `python3 -c '${spin}' & python3 -c '${spin}'; wait`);
    const total = spent.split("\n").reduce((sum, line) => sum + Number(line), 0);
    expect(total).toBeLessThan(0.5 * seconds * 1.3);
    const cpu = (await hostHierarchies()).cpu;
    const statistics = readFileSync(join(cpu?.mount as string, "pgkeel", CLUSTER, a.key, "cpu.stat"), "utf8");
    expect(Number(/^nr_throttled (\d+)$/m.exec(statistics)?.[1])).toBeGreaterThan(0);
  });

  it("disks: df shows their sizes, and a full one is full", async () => {
    for (const [path, size] of [
      ["/var/lib/postgresql", 400],
      ["/var/lib/postgresql/wal", 300],
    ] as const) {
      // XFS takes its log, 64 MB at these sizes, from the disk.
      expect(await megabytes(a, path)).toBeGreaterThan(size - 80);
      expect(await megabytes(a, path)).toBeLessThanOrEqual(size);
    }
    const { code, stderr } = await on(a, "head -c 500M /dev/zero > /var/lib/postgresql/too-much");
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("No space left on device") });
    await output(a, "rm /var/lib/postgresql/too-much && su postgres -s /bin/sh -c 'touch /var/lib/postgresql/mine'");
  });
});

describe("changes in place", () => {
  it("a disk grows while a process writes to it", async () => {
    const boot = await boots(a);
    await output(
      a,
      "(while true; do date >> /var/lib/postgresql/log; sleep 0.05; done) > /dev/null 2>&1 & echo $! > /run/writer",
    );
    await updateMachine(declared({ ...a, disks: { data: "700MB", wal: "300MB" } }));
    expect(await megabytes(a, "/var/lib/postgresql")).toBeGreaterThan(620);
    expect(await boots(a)).toBe(boot);
    await output(a, "head -c 500M /dev/zero > /var/lib/postgresql/more && rm /var/lib/postgresql/more");
    await output(a, "kill $(cat /run/writer)");
  });

  it("another size switches it off in order and on, with its data and host key", async () => {
    const boot = await boots(a);
    await output(
      a,
      "systemd-run --quiet --unit=witness --property=ExecStop='/bin/sh -c \"echo stopped > /var/lib/postgresql/witness\"' sleep infinity",
    );
    const state = await updateMachine(
      declared({ ...a, disks: { data: "700MB", wal: "300MB" }, memory: "768MB", vcpu: 1 }),
    );
    expect(state.hostKey).toBe(hostKey);
    expect(await boots(a)).not.toBe(boot);
    expect(await output(a, "cat /var/lib/postgresql/witness")).toBe("stopped");
    await output(a, "python3 -c 'x = bytearray(600 * 1024 * 1024)'");
  });

  it("another login key takes the place of the former one", async () => {
    const inputs = { ...declared(a), disks: { data: "700MB", wal: "300MB" }, memory: "768MB", vcpu: 1 };
    const stranger = readFileSync(join(keys, "stranger.pub"), "utf8").trim();
    await updateMachine({ ...inputs, authorizedKey: stranger });
    expect((await on(a, "true", "stranger")).code).toBe(0);
    expect((await on(a, "true")).code).toBe(255);
    await updateMachine(inputs);
    expect((await on(a, "true")).code).toBe(0);
  });
});

describe("power", () => {
  it("off ends every process at once; on brings the machine back with what was written", async () => {
    await output(a, "echo kept > /var/lib/postgresql/kept; echo kept > /root/kept; sync");
    const init = await findInit(name(a));
    await powerOff(name(a));
    expect(existsSync(`/proc/${init}`)).toBe(false);
    expect(traces(CLUSTER, NETWORK_START).processes.filter((pid) => isOf(pid, a))).toEqual([]);
    expect(await readMachineState(CLUSTER, a.key)).toMatchObject({ running: false, hostKey });
    expect((await on(a, "true")).code).toBe(255);
    await powerOn(name(a));
    expect(await output(a, "cat /var/lib/postgresql/kept /root/kept")).toBe("kept\nkept");
    expect(await readMachineState(CLUSTER, a.key)).toMatchObject({ running: true, hostKey });
  });

  it("a machine that shuts itself down is off, and one that restarts itself comes back", async () => {
    const boot = await boots(b);
    await on(b, "systemctl reboot");
    await until("restart of m-b", 60, async () => {
      const now = await on(b, "cat /proc/sys/kernel/random/boot_id");
      return now.code === 0 && now.stdout.trim() !== boot;
    });
    await on(b, "systemctl poweroff");
    await until("m-b is off", 60, async () => !(await isOn(name(b))));
    await powerOn(name(b));
    expect((await on(b, "true")).code).toBe(0);
  });

  it("the whole lab loses power and gets it back; the network is made again when it is gone too", async () => {
    await wholeLabOff(CLUSTER);
    expect(await Promise.all([a, b].map((inputs) => isOn(name(inputs))))).toEqual([false, false]);
    // As after a restart of the host: no bridge, no mounts.
    const { links, mounts } = traces(CLUSTER, NETWORK_START);
    for (const mount of mounts.map((line) => line.split(" ")[1] as string).reverse()) await execute("umount", [mount]);
    expect(links).toHaveLength(1);
    await execute("ip", ["link", "delete", (links[0] as string).split(": ")[1] as string]);
    expect(await networkIsUp(CLUSTER)).toBe(false);
    await wholeLabOn(CLUSTER);
    expect(await networkIsUp(CLUSTER)).toBe(true);
    expect(await output(a, "cat /var/lib/postgresql/kept && ping -c 1 -W 2 198.18.0.195 > /dev/null")).toBe("kept");
    expect(traces(CLUSTER, NETWORK_START).rules).toHaveLength(1);
  });
});

/** Whether a process of the host is in the groups of a machine. */
function isOf(pid: string, inputs: MachineInputs): boolean {
  const file = `/proc/${pid}/cgroup`;
  return existsSync(file) && readFileSync(file, "utf8").includes(`/pgkeel/${CLUSTER}/${inputs.key}`);
}

describe("a cut cable", () => {
  /** Whether a datagram gets from one machine to the other: the way back does not matter. */
  async function arrives(from: MachineInputs, to: MachineInputs): Promise<boolean> {
    const file = "/run/received";
    await enter(to, `rm -f ${file}; timeout 4 socat -u UDP4-RECV:7000,reuseaddr OPEN:${file},creat >/dev/null 2>&1 &`);
    for (let attempt = 0; attempt < 8; attempt++) {
      await enter(from, `echo hello | socat -u STDIN UDP4-SENDTO:${to.address}:7000 2>/dev/null || true`);
      if ((await enter(to, `cat ${file} 2>/dev/null || true`)).includes("hello")) return true;
      await sleep(100);
    }
    return false;
  }

  /** Runs a command in a machine without its network. */
  async function enter(inputs: MachineInputs, command: string): Promise<string> {
    const init = await findInit(name(inputs));
    return (await execute("nsenter", ["--target", String(init), "--mount", "--net", "--pid", "sh", "-c", command]))
      .stdout;
  }

  it("both directions: no packet comes or goes, not for this host either, and open connections fall silent", async () => {
    const open = on(a, "sleep 2; echo done");
    await sleep(500);
    await cut(name(a));
    expect(await Promise.all([arrives(a, b), arrives(b, a)])).toEqual([false, false]);
    expect((await on(a, "true")).code).toBe(255);
    await heal(name(a));
    expect((await open).stdout).toBe("done\n");
    expect(await Promise.all([arrives(a, b), arrives(b, a)])).toEqual([true, true]);
  });

  it("inbound only: what it sends arrives, what is sent to it does not", async () => {
    await cut(name(a), "inbound");
    expect([await arrives(a, b), await arrives(b, a)]).toEqual([true, false]);
    await heal(name(a));
  });

  it("outbound only: the other way round", async () => {
    await cut(name(a), "outbound");
    expect([await arrives(a, b), await arrives(b, a)]).toEqual([false, true]);
    await heal(name(a));
  });

  it("between two machines: the host still reaches both", async () => {
    await cut(name(a), "both", [b.key]);
    expect(await Promise.all([arrives(a, b), arrives(b, a)])).toEqual([false, false]);
    expect([(await on(a, "true")).code, (await on(b, "true")).code]).toEqual([0, 0]);
    await heal(name(a));
    expect(await arrives(a, b)).toBe(true);
  });
});

describe("refusals and interrupted runs", () => {
  it("an address range in use is refused, with who uses it", async () => {
    expect(await networkProblems("another", "198.18.0.192/26")).toEqual([
      expect.stringContaining(`198.18.0.192/26 overlaps ${NETWORK} of the lab "${CLUSTER}"`),
    ]);
    expect(await networkProblems("another", "127.0.0.0/16")).toEqual([
      expect.stringContaining("127.0.0.0/16 overlaps 127.0.0.1/8, which this host uses on lo"),
    ]);
    expect(await networkProblems(CLUSTER, NETWORK)).toEqual([]);
    await expect(ensureNetwork("another", "198.18.0.192/26")).rejects.toThrow(/overlaps/);
    expect(isEmpty(await findTraces("another"))).toBe(true);
  });

  it("a machine that would not fit into the host's memory is refused before anything of it is made", async () => {
    await expect(createMachine(declared({ ...machine("m-c", 4), memory: "900GB" }))).rejects.toThrow(
      /machines\.m-c\.size\.memory: got 900GB; the other lab machines on this host have \d+ MB of its \d+ MB/,
    );
    expect(existsSync(machinePaths(CLUSTER, "m-c").directory)).toBe(false);
  });

  it("a machine of another declaration under the same name is not touched", async () => {
    await expect(createMachine(declared({ ...a, address: "198.18.0.199" }))).rejects.toThrow(
      /exists already, made for another/,
    );
    expect((await on(a, "true")).code).toBe(0);
  });

  it("a whole machine that a killed run made is taken over; half of one is made anew", async () => {
    const boot = await boots(b);
    expect(await createMachine(declared(b))).toMatchObject({ running: true, disks: b.disks });
    expect(await boots(b)).toBe(boot);
    // Killed before the record was written: it runs, with disks and mounts, and is not known.
    rmSync(machinePaths(CLUSTER, b.key).record);
    const again = await createMachine(declared(b));
    trust({ ...a, hostKey }, again);
    expect(await boots(b)).not.toBe(boot);
  });
});

describe("removal", () => {
  it("takes away a machine of which half is gone already, twice", async () => {
    const supervisor = traces(CLUSTER, NETWORK_START).processes.find(
      (pid) => isOf(pid, b) && readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("systemd-nspawn"),
    );
    process.kill(Number(supervisor), "SIGKILL");
    rmSync(machinePaths(CLUSTER, b.key).disk("wal").file);
    await deleteMachine(CLUSTER, b.key);
    await deleteMachine(CLUSTER, b.key);
    expect(await readMachineState(CLUSTER, b.key)).toBeUndefined();
    const left = traces(CLUSTER, NETWORK_START);
    expect([...left.mounts, ...left.loopDevices, ...left.processes].filter((trace) => trace.includes(b.key))).toEqual(
      [],
    );
    expect((await on(a, "true")).code).toBe(0);
  });

  it("the network stays as long as a machine uses it, and then nothing of the lab is left", async () => {
    await expect(removeNetwork(CLUSTER)).rejects.toThrow(/still has the machines m-a/);
    await deleteMachine(CLUSTER, a.key);
    await removeNetwork(CLUSTER);
    expect(Object.values(traces(CLUSTER, NETWORK_START)).flat()).toEqual([]);
    expect(isEmpty(await findTraces(CLUSTER))).toBe(true);
  });

  it("a sweep removes a lab whose records are lost", async () => {
    await ensureNetwork(CLUSTER, NETWORK);
    await createMachine(declared(a));
    const paths = machinePaths(CLUSTER, a.key);
    rmSync(paths.record);
    rmSync(join(paths.directory, "../../network.json"));
    // A directory that is no machine's is in the way.
    mkdirSync(join(paths.directory, "../m-half/root"), { recursive: true });
    const removed = await sweep(CLUSTER);
    expect(removed.processes.length).toBeGreaterThan(3);
    expect(removed).toMatchObject({ mounts: expect.any(Array), loops: expect.any(Array), groups: [CLUSTER] });
    expect([removed.mounts.length, removed.loops.length, removed.rules.length, removed.interfaces.length]).toEqual([
      3, 2, 1, 1,
    ]);
    expect(Object.values(traces(CLUSTER, NETWORK_START)).flat()).toEqual([]);
  });
});
