/** Set-up and end of the lab tests as a whole: what they share, and what killed runs have left, is removed. */
import { own, sweepAll } from "./leftovers";

export default async function setup(): Promise<() => Promise<void>> {
  own();
  await removeAll();
  // vitest ends at once on a signal, without any teardown.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => {
      removeAll().finally(() => process.exit(130));
    });
  return removeAll;
}

async function removeAll(): Promise<void> {
  const failures = await sweepAll();
  if (failures.length > 0) throw new Error(`left behind by lab tests: ${failures.join("; ")}`);
}
