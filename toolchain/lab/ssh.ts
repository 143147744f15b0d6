/** `npm run lab:ssh -- MACHINE [COMMAND] [-s STACK]`: a shell, or one command, as root on a lab machine. Ends with its exit code. */
import { spawnSync } from "node:child_process";
import { isOn } from "../../components/platform/lab/power";
import { listMachines, machinePaths, readMachine } from "../../components/platform/lab/record";
import { clusterOfStack, takeStack } from "./cluster-of-stack";

/** A machine that is cut off does not answer at all. */
const CONNECT_SECONDS = 5;

async function main(words: string[]): Promise<number> {
  const { stack, rest } = takeStack(words);
  const [key, ...command] = rest;
  if (key === undefined) {
    console.error("usage: npm run lab:ssh -- MACHINE [COMMAND] [-s STACK]");
    return 2;
  }
  const cluster = clusterOfStack(stack);
  const machine = await readMachine(cluster, key);
  if (machine === undefined) {
    const made = (await listMachines(cluster)).join(", ") || "none";
    throw new Error(`lab "${cluster}" has no machine ${key}; it has: ${made}`);
  }
  if (!(await isOn({ cluster, key }))) throw new Error(`${key} is off; switch it on: npm run lab:power -- ${key} on`);
  const { login, knownHosts } = machinePaths(cluster, key);
  const options = [
    `UserKnownHostsFile=${knownHosts}`,
    "GlobalKnownHostsFile=/dev/null",
    "StrictHostKeyChecking=yes",
    "IdentitiesOnly=yes",
    `ConnectTimeout=${CONNECT_SECONDS}`,
    "LogLevel=ERROR",
  ].flatMap((option) => ["-o", option]);
  const { status, error } = spawnSync("ssh", [...options, "-i", login, `root@${machine.address}`, ...command], {
    stdio: "inherit",
  });
  if (error !== undefined) throw error;
  return status ?? 1;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
