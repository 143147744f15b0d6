/** Which resource plugins a program needs, told by the packages that it has installed. */
import * as fs from "node:fs";
import * as path from "node:path";

/** A resource plugin that an installed package asks for. */
export interface RequiredPackage {
  readonly name: string;
  /** With a leading `v`, as the engine expects. */
  readonly version: string;
  /** Where the plugin is downloaded from, when not from the usual place. */
  readonly server?: string;
}

/** The parts of a package.json that concern plugins. */
interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly pulumi?: { resource?: boolean; name?: string; version?: string; server?: string };
}

/**
 * Looks at each package directly below `node_modules` of the program's directory or of one above it. Packages nested
 * deeper are not looked at: npm puts a package there only beside another version of the same one.
 */
export function requiredPackages(programDirectory: string): RequiredPackage[] {
  const modules = nearestModules(programDirectory);
  if (modules === undefined) return [];
  const found: RequiredPackage[] = [];
  for (const name of packageNames(modules)) {
    const manifest = readManifest(path.join(modules, name, "package.json"));
    if (manifest?.pulumi?.resource !== true) continue;
    const version = manifest.pulumi.version || manifest.version || "";
    found.push({
      name: manifest.pulumi.name || (manifest.name ?? name).replace(/^@pulumi\//, ""),
      version: version.startsWith("v") ? version : `v${version}`,
      ...(manifest.pulumi.server ? { server: manifest.pulumi.server } : {}),
    });
  }
  return found;
}

function nearestModules(directory: string): string | undefined {
  for (let current = path.resolve(directory); ; current = path.dirname(current)) {
    const modules = path.join(current, "node_modules");
    if (fs.existsSync(modules)) return modules;
    if (current === path.dirname(current)) return undefined;
  }
}

function packageNames(modules: string): string[] {
  return fs
    .readdirSync(modules)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) =>
      name.startsWith("@") ? fs.readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
    )
    .sort();
}

function readManifest(file: string): Manifest | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}
