/** Lines of the set-up, on standard error: standard output belongs to the command that follows. */

export function say(line: string): void {
  process.stderr.write(`set-up: ${line}\n`);
}

/** Ends the set-up with a reason and what to do about it. */
export class SetupError extends Error {}

/** Runs the set-up's work; a SetupError is shown as its message alone. */
export async function runSetup(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

/** Says what is being done and, at the end, how long it took. */
export async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started = Date.now();
  say(what);
  const result = await work();
  say(`${what}: done in ${Math.round((Date.now() - started) / 1000)} s`);
  return result;
}
