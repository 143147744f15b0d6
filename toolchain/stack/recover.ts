/** Clears what a killed run has left in the way of the next one. */
import * as fs from "node:fs";
import { Deployment } from "./deployment";
import { endOrphans } from "./orphans";
import { isStale, locks } from "./stale-lock";

/** The name of the project in Pulumi.yaml. */
export const PROJECT = "pgkeel";

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Removes locks whose process on this host is dead, waits for the end of what it was doing, and forgets those operations, for each of them may
 * be repeated. Says so.
 * A lock whose process lives, or is another host's, is left: the CLI then says who holds it.
 *
 * @returns true when no lock is left
 */
export async function recoverStack(stack: string): Promise<boolean> {
  const all = locks(PROJECT, stack);
  const stale = all.filter(isStale);
  for (const { file, pid, timestamp } of stale) {
    say(`A run of this stack (process ${pid}, since ${timestamp}) was killed and left its lock; the lock is removed.`);
    fs.rmSync(file, { force: true });
  }
  if (stale.length < all.length) return false;
  if (stale.length === 0) return true;
  await endOrphans(process.cwd(), () => say("Waiting for the end of what that run was doing."));
  const deployment = await Deployment.read(stack);
  const interrupted = deployment?.interrupted ?? [];
  if (interrupted.length === 0) return true;
  for (const { urn, doing } of interrupted) say(`It was ${doing} ${urn.split("::").slice(2).join(" ")}.`);
  await deployment?.forgetInterrupted();
  say("The next run does that again.");
  return true;
}
