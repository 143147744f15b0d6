/** What a machine's package sources have, by apt's own lists. */
import { shell } from "../render/shell";
import type { SshPool } from "./ssh";

export interface PackagePolicy {
  /** What an installation without a version would take if nothing were pinned here; undefined: nothing. */
  readonly candidate: string | undefined;
  /** Versions that a source has, the newest first. One that is only installed is not among them. */
  readonly versions: readonly string[];
}

/**
 * Names a directory of all preferences but those that this program has put there: they are the pins of the last
 * declaration, and the question is what the next one would get.
 */
const UNPINNED = `others=$(mktemp -d) && trap 'rm -rf "$others"' EXIT
for file in /etc/apt/preferences.d/*; do
  case $file in */pgkeel | */\\*) ;; *) ln -s "$file" "$others/" ;; esac
done`;

/** New lists are a few megabytes, in ms. */
const REFRESH_MS = 60_000;

/** By package. @throws OperateError when the machine does not tell. */
export async function packagePolicies(
  pool: SshPool,
  machine: string,
  packages: readonly string[],
): Promise<ReadonlyMap<string, PackagePolicy>> {
  const text = await pool
    .machine(machine)
    .run(`${UNPINNED}\nLC_ALL=C apt-cache -o Dir::Etc::PreferencesParts="$others" ${shell`policy ${packages}`}`, {
      step: "asking for the versions of packages",
    });
  return parsePolicies(text);
}

/** Fetches the lists of the machine's package sources anew. Nothing is installed. @throws OperateError */
export async function refreshSources(pool: SshPool, machine: string): Promise<void> {
  await pool.machine(machine).run("LC_ALL=C apt-get -qq -o DPkg::Lock::Timeout=30 update", {
    step: "asking the package sources what they have",
    timeoutMs: REFRESH_MS,
  });
}

/** Output of `apt-cache policy`: a name, three indented fields, and the version table with each version's sources below it. */
export function parsePolicies(text: string): Map<string, PackagePolicy> {
  const found = new Map<string, { candidate: string | undefined; versions: string[] }>();
  let current: { candidate: string | undefined; versions: string[] } | undefined;
  let version: string | undefined;
  for (const line of text.split("\n")) {
    const name = /^(\S+):$/.exec(line)?.[1];
    const row = /^ (?:\*\*\*| {3}) (\S+) -?\d+$/.exec(line)?.[1];
    const source = /^ {6,}-?\d+ (\S+)/.exec(line)?.[1];
    if (name !== undefined) {
      current = { candidate: undefined, versions: [] };
      found.set(name, current);
    } else if (current === undefined) continue;
    else if (line.startsWith("  Candidate: ")) {
      const candidate = line.slice("  Candidate: ".length);
      current.candidate = candidate === "(none)" ? undefined : candidate;
    } else if (row !== undefined) version = row;
    else if (source !== undefined && version !== undefined && source !== "/var/lib/dpkg/status") {
      if (!current.versions.includes(version)) current.versions.push(version);
    }
  }
  return found;
}
