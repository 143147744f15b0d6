/** Puts back what was changed by hand on a machine. Every call may be repeated. */
import { setTimeout as pause } from "node:timers/promises";
import { OperateError } from "../operate/errors";
import { withSql } from "../operate/sql";
import type { SshPool } from "../operate/ssh";
import type { Step, StoppedUnit } from "../plan/change";
import { shell } from "../render/shell";
import { converge } from "./deliver";

/** The longest of the services' own bounds: etcd waits for its peers for 180 s, twice where it restarts in turn. */
const CONVERGE_TIMEOUT_MS = 400_000;
/** PostgreSQL reads its configuration within milliseconds of being told; this is for a machine that is very busy. */
const RELOAD_MS = 10_000;

/**
 * The service as it was given to the machine last: its files, and its units enabled and running. The service's own script
 * starts and reloads, so that it checks and waits as it does in any update.
 */
export async function putBack(
  pool: SshPool,
  step: Extract<Step, { kind: "restore-files" | "start-units" }>,
): Promise<void> {
  const { machine, service, units } = step;
  const ssh = pool.machine(machine);
  const named = (wanted: (unit: StoppedUnit) => boolean) => units.filter(wanted).map(systemdName);
  const masked = named(({ boot }) => boot === "masked");
  if (masked.length > 0) await ssh.run(shell`systemctl unmask --quiet ${masked}`, { step: `unmasking ${masked}` });
  if (step.kind === "restore-files" || units.some(({ active }) => active !== "running"))
    await converge(ssh, service, "--again", {
      step: `putting ${service} back as it was given to the machine`,
      timeoutMs: CONVERGE_TIMEOUT_MS,
    });
  const off = named(({ boot }) => boot !== "enabled");
  // Not through update-rc.d for the scripts of System V that packages bring too.
  if (off.length > 0)
    await ssh.run(shell`SYSTEMCTL_SKIP_SYSV=1 systemctl enable --quiet ${off}`, { step: `enabling ${off.join(", ")}` });
}

function systemdName({ unit }: StoppedUnit): string {
  return unit.includes(".") ? unit : `${unit}.service`;
}

/** On one member; what is read at start stays in force until that. */
export async function resetParameters(
  pool: SshPool,
  { member, parameters }: Extract<Step, { kind: "reset-parameter" }>,
): Promise<void> {
  await withSql(pool, member, async (session) => {
    const loaded = async () => (await session.rows<{ at: string }>("SELECT pg_conf_load_time()::text AS at"))[0]?.at;
    const before = await loaded();
    // ALTER SYSTEM takes no transaction around it, and thus no two in one call.
    for (const { name } of parameters) await session.rows(`ALTER SYSTEM RESET ${quoted(name)}`);
    await session.rows("SELECT pg_reload_conf()");
    // What now waits for a restart is known once it is read, and the next look has to see it.
    const deadline = Date.now() + RELOAD_MS;
    while ((await loaded()) === before) {
      if (Date.now() > deadline)
        throw new OperateError(
          member,
          "resetting parameters",
          `the configuration was not read again within ${RELOAD_MS / 1000} s`,
          "See PostgreSQL's log on that machine",
        );
      await pause(50);
    }
  });
}

/** A parameter of an extension has two parts. */
function quoted(name: string): string {
  return name
    .split(".")
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join(".");
}
