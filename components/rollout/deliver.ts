/**
 * A service's files to a machine in the middle of a rollout, by the same machine-side program that Pulumi's own commands
 * call: for what has to be in force earlier, or for the time of the rollout only.
 */
import type { ExecOptions, SshMachine, SshPool } from "../operate/ssh";
import { renderBundle } from "../remote/bundle";
import { INSTALL_PROGRAM, PROGRAM, program } from "../remote/program";
import { shell } from "../render/shell";
import type { ServiceBundle } from "../services/types";

/** A service's check and apply, in ms: PgBouncer may wait a minute for a process that is drained. */
const DELIVER_MS = 180_000;

/** Calls the machine-side program for a service; the one that is there may be older than this program. */
export async function converge(
  { run }: SshMachine,
  service: string,
  option: "--passing" | "--again" | undefined,
  options: ExecOptions & { readonly step: string },
): Promise<void> {
  await run(INSTALL_PROGRAM, { stdin: program, step: "installing the machine-side program" });
  await run(shell`${PROGRAM} ${option === undefined ? [service] : [service, option]}`, options);
}

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
  await converge(pool.machine(machine), bundle.service, passing ? "--passing" : undefined, {
    stdin: renderBundle(bundle),
    step: `converging ${bundle.service}`,
    timeoutMs: DELIVER_MS,
  });
}
