/**
 * A service's files to a machine in the middle of a rollout, by the same machine-side program that Pulumi's own commands
 * call: for what has to be in force earlier, or for the time of the rollout only.
 */
import type { SshPool } from "../operate/ssh";
import { renderBundle } from "../remote/bundle";
import { INSTALL_PROGRAM, PROGRAM, program } from "../remote/program";
import { shell } from "../render/shell";
import type { ServiceBundle } from "../services/types";

/** A service's check and apply, in ms: PgBouncer may wait a minute for a process that is drained. */
const DELIVER_MS = 180_000;

export interface Delivery {
  /** For the rollout only: the machine goes on knowing its former files as the declared ones. Default false. */
  readonly passing?: boolean;
}

export async function deliver(
  pool: SshPool,
  machine: string,
  bundle: ServiceBundle,
  { passing = false }: Delivery = {},
): Promise<void> {
  const ssh = pool.machine(machine);
  const step = `converging ${bundle.service}`;
  // The one that is there may be older than this program.
  await ssh.run(INSTALL_PROGRAM, { stdin: program, step });
  const words = [PROGRAM, bundle.service, ...(passing ? ["--passing"] : [])];
  await ssh.run(shell`${words}`, { stdin: renderBundle(bundle), step, timeoutMs: DELIVER_MS });
}
