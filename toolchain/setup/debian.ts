/**
 * Installs the Debian packages that a file lists (one a line, # begins a comment) when some are missing.
 *
 *   debian.ts FILE
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { runSetup, SetupError, say, timed } from "./say";

/** The packages of the list that are not installed. */
export function missingPackages(wanted: readonly string[]): string[] {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders.
  const query = spawnSync("dpkg-query", ["--show", "--showformat", "${Package} ${db:Status-Abbrev}\n", ...wanted], {
    encoding: "utf8",
  });
  if (query.error) {
    throw new SetupError(
      `this needs a Debian host (dpkg-query: ${query.error.message}); elsewhere use machines that exist, platform "ssh"`,
    );
  }
  const installed = new Set(
    query.stdout.split("\n").flatMap((line) => (/ ii/.test(line) ? [line.split(" ")[0] ?? ""] : [])),
  );
  return wanted.filter((name) => !installed.has(name));
}

/** Installs packages with apt-get. Needs root. */
export async function installPackages(missing: readonly string[]): Promise<void> {
  if (missing.length === 0) return;
  const names = missing.join(" ");
  if (process.getuid?.() !== 0) {
    throw new SetupError(`Debian packages are missing: ${names}; run this as root, or: sudo apt-get install ${names}`);
  }
  await timed(`Debian packages ${names}`, async () => {
    const options = ["-o", "DPkg::Lock::Timeout=300", "--quiet=2"];
    const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const apt = (...args: string[]) =>
      spawnSync("apt-get", [...options, ...args], { stdio: ["ignore", 2, 2], env: environment }).status === 0;
    const install = () => apt("install", "--yes", "--no-install-recommends", ...missing);
    // Without lists of packages, or with old ones, the first try finds nothing.
    if (install()) return;
    say("refreshing the lists of packages");
    if (!apt("update") || !install()) throw new SetupError(`apt-get could not install ${names}; its reason is above`);
  });
}

if (require.main === module) {
  void runSetup(async () => {
    const [file = ""] = process.argv.slice(2);
    const wanted = fs
      .readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.replace(/#.*/, "").trim())
      .filter((line) => line !== "");
    await installPackages(missingPackages(wanted));
  });
}
