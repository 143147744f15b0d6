/** Switching a machine on and off. */
import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { bridgeName, containerName } from "./address";
import { attempt } from "./command";
import { DISK_PATHS, disksOf, mountFilesystem, writeNotes } from "./filesystem";
import { type Enforced, prepareGroups, processesIn, removeGroups } from "./limits";
import { ensureNetwork } from "./network";
import { type MachineRecord, machinePaths } from "./record";
import { parseBytes } from "./size";
import { until } from "./wait";

type Name = Pick<MachineRecord, "cluster" | "key">;

/** A machine boots to sshd in under 2 s on an idle host; many at once on a busy one take longer. */
const BOOT_SECONDS = 60;
/** systemd stops PostgreSQL, etcd and the poolers in a few seconds; then the power goes off regardless. */
const SHUTDOWN_SECONDS = 30;
/** Killed processes end at once, unless the host's disk holds them. */
const KILL_SECONDS = 20;

/** systemd's signal for `systemctl poweroff`: SIGRTMIN+4. */
const SIGNAL_POWER_OFF = 38;

/**
 * Enters the control groups, whose paths have no blanks, and runs the machine in them. With --keep-unit systemd-nspawn ends with 133 when
 * the machine restarts itself, for its caller to start it again.
 */
const ENTER = `
for group in $1; do echo $$ > "$group/cgroup.procs" || exit 1; done
shift
"$@"
while [ $? -eq 133 ]; do "$@"; done
`;

/**
 * Switches a machine on and waits until its sshd answers; on already: only waits. After a restart of the host it mounts and connects
 * what is gone.
 * @returns what limits its processes.
 */
export async function powerOn(record: MachineRecord): Promise<Enforced> {
  const limits = { vcpu: record.vcpu, memoryBytes: parseBytes(record.memory) };
  await ensureNetwork(record.cluster, record.network);
  await mountFilesystem(record);
  const { groups, enforced } = await prepareGroups(record.cluster, record.key, limits);
  if ((await findInit(record)) === undefined) {
    await endProcesses(record);
    await writeNotes(record);
    await boot(record, groups);
  }
  await waitForSsh(record);
  return enforced;
}

/** Takes the power away: every process of the machine ends at once, nothing is told. What was written stays. */
export async function powerOff(name: Name): Promise<void> {
  // The kernel ends everything in the machine with its first process. Killing systemd-nspawn instead would leave the machine running.
  const init = await findInit(name);
  if (init !== undefined) kill(init, "SIGKILL");
  await endProcesses(name);
  await removeGroups(name.cluster, name.key);
}

/** Shuts a machine down as an operator would; takes the power away when that does not end. */
export async function shutDown(name: Name): Promise<void> {
  const init = await findInit(name);
  if (init !== undefined) {
    kill(init, SIGNAL_POWER_OFF);
    await until(`machine ${name.key}: shut down`, SHUTDOWN_SECONDS, async () => !(await isOn(name))).catch(
      () => undefined,
    );
  }
  await powerOff(name);
}

/** Whether the machine's first process is there. */
export async function isOn(name: Name): Promise<boolean> {
  return (await findInit(name)) !== undefined;
}

/** The machine's own PID 1, as the host numbers it. */
export async function findInit(name: Name): Promise<number | undefined> {
  for (const pid of await processesIn(name.cluster, name.key)) {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    if (/^NSpid:.*\s\d+\s+1$/m.test(status) && !/^State:\s+[ZX]/m.test(status)) return pid;
  }
  return undefined;
}

async function boot(record: MachineRecord, groups: string[]): Promise<void> {
  const { root, console: consoleFile } = machinePaths(record.cluster, record.key);
  const binds = disksOf(record).map(({ name, place }) => `--bind=${place.mount}:${DISK_PATHS[name]}`);
  const machine = [
    "systemd-nspawn",
    "--quiet",
    `--directory=${root}`,
    `--machine=${containerName(record.cluster, record.key)}`,
    `--hostname=${record.hostname}`,
    "--register=no",
    "--keep-unit",
    "--resolv-conf=off",
    "--timezone=off",
    `--network-bridge=${bridgeName(record.cluster)}`,
    ...binds,
    "--boot",
  ];
  const log = await open(consoleFile, "w", 0o600);
  try {
    // A session of its own: it lives on when the command that made it ends or is interrupted.
    const child = spawn("sh", ["-c", ENTER, "machine", groups.join(" "), ...machine], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      cwd: "/",
      env: { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin", SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" },
    });
    child.on("error", () => undefined);
    child.unref();
  } finally {
    await log.close();
  }
}

async function waitForSsh(record: MachineRecord): Promise<void> {
  try {
    await until(`machine ${record.key}: sshd at ${record.address}`, BOOT_SECONDS, () => answersSsh(record.address));
  } catch (error) {
    const log = machinePaths(record.cluster, record.key).console;
    const end = (await readFile(log, "utf8").catch(() => "")).trim().split("\n").slice(-5).join("\n");
    throw new Error(`${(error as Error).message}; the end of its console (${log}):\n${end}`);
  }
}

/** Whether an SSH server greets at this address. */
function answersSsh(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22, timeout: 1000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("data", (data) => end(data.toString("latin1").startsWith("SSH-2.0-")));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
    socket.once("close", () => end(false));
  });
}

/** Ends whatever is left in the machine's groups: systemd-nspawn itself goes when its machine is gone. */
async function endProcesses(name: Name): Promise<void> {
  const soon = Date.now() + 2000;
  await until(`machine ${name.key}: end of its processes`, KILL_SECONDS, async () => {
    const left = await processesIn(name.cluster, name.key);
    if (Date.now() > soon) for (const pid of left) kill(pid, "SIGKILL");
    return left.length === 0;
  });
}

function kill(pid: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Runs a program in the machine's network namespace; the machine must be on. */
export async function inNetworkOf(name: Name, program: string, ...args: string[]) {
  const init = await findInit(name);
  if (init === undefined) throw new Error(`machine ${name.key} of lab "${name.cluster}" is off`);
  return attempt("nsenter", ["--target", String(init), "--net", program, ...args]);
}
