/**
 * New versions of one machine's software. Packages are exchanged first, under the programs that run; then each program goes
 * over to its new version in the way that disturbs least. What is done is read off the machine, so that a run that was
 * killed at any point is finished by the next.
 */
import { machineOf } from "../operate/access";
import { OperateError } from "../operate/errors";
import { machineIn, type Observation } from "../operate/observation";
import { observeWith } from "../operate/observe";
import { restartLeader, restartPatroni, restartReplica } from "../operate/restart";
import type { SshPool } from "../operate/ssh";
import { every, fine, notYet, untilObserved, type Verdict } from "../operate/wait";
import type { Software, SoftwareChange } from "../plan/change";
import { shell } from "../render/shell";
import { packagesFor } from "../spec";

export interface Upgrade {
  readonly pool: SshPool;
  readonly machine: string;
  readonly software: readonly SoftwareChange[];
  readonly signal: AbortSignal;
  /** For lines that only tell how a step goes on. */
  readonly show: (line: string) => void;
}

/** Packages of a hundred megabytes are written to a slow disk within this, in ms. */
const INSTALL_MS = 600_000;
/** Restarts: of PgBouncer each process has a minute to let its clients go. */
const APPLY_MS = 900_000;
const SETTLE_MS = 120_000;

/** Etcd before Patroni, which needs it; the way to the members before the members; PostgreSQL under the new Patroni. */
const ORDER: readonly Software[] = ["etcd", "haproxy", "pgbouncer", "patroni", "postgresql"];

/** @throws OperateError: with what is installed and does not run yet, if that is so. */
export async function upgrade(work: Upgrade): Promise<void> {
  await installPinned(work.pool, work.machine, work.software);
  for (const software of ORDER.filter((one) => work.software.some((change) => change.software === one))) {
    const seen = await observeWith(work.pool);
    if (!isStale(seen, work.machine, software)) continue;
    work.signal.throwIfAborted();
    await goOver(software, work, seen);
    await settled(work, software);
  }
  await inForce(work);
}

/** Exchanges the packages of one machine; nothing restarts. */
export async function installPinned(
  pool: SshPool,
  machine: string,
  software: readonly SoftwareChange[],
): Promise<void> {
  const pins = Object.fromEntries(software.map((change) => [change.software, change.to]));
  const packages = packagesFor(machineOf(pool.access, machine).roles, pins)
    .filter(({ version }) => version !== undefined)
    .map(({ name, version }) => `${name}=${version}`);
  await pool.machine(machine).run(shell`/usr/local/lib/pgkeel/services/base upgrade ${packages}`, {
    step: `installing ${packages.join(", ")}`,
    timeoutMs: INSTALL_MS,
  });
}

async function goOver(software: Software, work: Upgrade, seen: Observation): Promise<void> {
  const { pool, machine, signal, show } = work;
  const apply = (service: string) =>
    pool.machine(machine).run(`/usr/local/lib/pgkeel/services/${service} apply`, {
      step: `bringing ${service}'s new version into force`,
      timeoutMs: APPLY_MS,
    });
  switch (software) {
    case "etcd":
      spares(seen, machine);
      show(`etcd on ${machine} restarts`);
      await pool.machine(machine).run("systemctl restart etcd", { step: "restarting etcd", timeoutMs: SETTLE_MS });
      return;
    case "haproxy":
      // A reload: the master starts the new program in its own place, and the old worker keeps what runs through it.
      await apply("haproxy");
      return;
    case "pgbouncer":
      show(`PgBouncer on ${machine} restarts, process by process`);
      await apply("pgbouncer");
      return;
    case "patroni":
      await restartPatroni(pool, machine, { signal, onProgress: show });
      return;
    case "postgresql": {
      const options = { signal, onProgress: show };
      if (seen.leader === machine) await restartLeader(pool, options);
      else await restartReplica(pool, machine, options);
      return;
    }
    case "pgbackrest":
      return;
  }
}

/** Seen right before the restart: what the plan saw may be minutes ago. The only voter restarts all the same. */
function spares(seen: Observation, machine: string): void {
  const voters = seen.etcd?.members.filter(({ learner }) => !learner) ?? [];
  if (!voters.some(({ key }) => key === machine) || voters.length === 1) return;
  const others = voters.filter(({ key, healthy }) => key !== machine && healthy);
  if (others.length > voters.length / 2) return;
  throw new OperateError(
    machine,
    "restarting etcd",
    `only ${others.length} of the other voters are healthy, of ${voters.length} in all`,
    "Bring the others back first (`npm run cluster -- status`), and run `up` again: the new version is installed",
  );
}

/** Until the program has gone over and does its work again. */
async function settled({ pool, machine, signal, show }: Upgrade, software: Software): Promise<void> {
  const judge = (seen: Observation): Verdict =>
    every([
      isStale(seen, machine, software) ? notYet(`${software} of ${machine} still runs its old version`) : fine,
      machineIn(seen, machine).stale === null ? notYet(`${machine} does not tell what runs`) : fine,
      software === "etcd" ? etcdHealthy(seen, machine) : fine,
      software === "haproxy" && machineIn(seen, machine).pooler?.routes?.leader.length !== 1
        ? notYet(`HAProxy of ${machine} leads writes nowhere`)
        : fine,
      software === "pgbouncer" ? poolerServes(seen, machine) : fine,
    ]);
  await untilObserved(pool, judge, {
    what: `${software} of ${machine} works in its new version`,
    timeoutMs: SETTLE_MS,
    signal,
    onReason: show,
    advice: "The new version is installed; see the journal there, and run `up` again: it carries on from here",
  });
}

function etcdHealthy(seen: Observation, machine: string): Verdict {
  const member = seen.etcd?.members.find(({ key }) => key === machine);
  return member?.healthy === true ? fine : notYet(`etcd on ${machine} is not healthy`);
}

function poolerServes(seen: Observation, machine: string): Verdict {
  const processes = machineIn(seen, machine).pooler?.processes ?? [];
  const silent = processes.filter(({ state }) => state !== "active").map(({ process }) => process);
  if (processes.length === 0) return notYet(`PgBouncer of ${machine} does not answer`);
  return silent.length === 0 ? fine : notYet(`${silent.join(", ")} of ${machine} do not serve`);
}

function isStale(seen: Observation, machine: string, software: Software): boolean {
  return machineIn(seen, machine).stale?.includes(software) === true;
}

/** What the step was to reach. Otherwise the next look would ask for the same step again, for ever. */
async function inForce({ pool, machine, software }: Upgrade): Promise<void> {
  const seen = machineIn(await observeWith(pool), machine);
  const open = software.flatMap(({ software: one, to }) => {
    const has = seen.packages?.[one];
    if (has !== to) return [`${one} is ${has ?? "not there"} instead of ${to}`];
    return seen.stale?.includes(one) === false ? [] : [`${one} ${to} is installed and does not run`];
  });
  if (open.length === 0) return;
  throw new OperateError(machine, "upgrading", open.join("; "), "See the journal there; run `up` again to go on");
}
