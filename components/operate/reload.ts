/** Settings that need no restart take effect: Patroni reads its files again and reloads PostgreSQL. */

import type { Observation } from "./observation";
import { postReload } from "./patroni";
import type { SshPool } from "./ssh";
import { fine, notYet, untilObserved, type Verdict } from "./wait";

/** Every member that differs from the wanted values, in words; pure. `wanted` is in the parameters' own units. */
export function valuesInForce(
  seen: Observation,
  members: readonly string[],
  wanted: Readonly<Record<string, string>>,
): Verdict {
  const wrong = members.flatMap((key) => {
    const member = seen.machines.find((m) => m.key === key)?.member;
    if (!member?.answers) return [`${key} does not answer`];
    return Object.entries(wanted).flatMap(([name, value]) => {
      const setting = member.settings.find((s) => s.name === name);
      return setting && setting.setting !== value ? [`${name} of ${key} is ${setting.setting}, not ${value}`] : [];
    });
  });
  return wrong.length === 0 ? fine : notYet(wrong.join("; "));
}

/**
 * Reloads members and waits until the wanted values are in force.
 * @param wanted Values as pg_settings.setting shows them; empty: nothing is waited for.
 */
export async function reloadMembers(
  pool: SshPool,
  members: readonly string[],
  wanted: Readonly<Record<string, string>> = {},
): Promise<void> {
  await Promise.all(members.map((key) => postReload(pool, key)));
  if (Object.keys(wanted).length === 0) return;
  await untilObserved(pool, (seen) => valuesInForce(seen, members, wanted), {
    what: "new values are in force",
    timeoutMs: 30_000,
  });
}
