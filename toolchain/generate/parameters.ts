/**
 * Makes components/spec/parameters/<version>.json and names-<version>.ts from a real server's pg_settings.
 *
 *   tsx toolchain/generate/parameters.ts --bindir /usr/lib/postgresql/17/bin [--root DIR] [--user postgres]
 *   tsx toolchain/generate/parameters.ts --connection postgresql://…
 *
 * With --bindir a server is made in a temporary directory (needs root, to become --user; with --root inside the system at
 * DIR, such as the lab's image). With --connection the server must have the libraries below in shared_preload_libraries.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PARAMETERS_QUERY } from "../../components/spec/parameters/compare";
import type { ParameterTableFile } from "../../components/spec/parameters/table";
import { parameterTypes } from "./parameter-types";
import { type Query, withConnection, withTemporaryServer } from "./server";

/** Libraries that every cluster of this program loads. */
const LIBRARIES = ["pg_stat_statements", "auto_explain"];

function readTable(query: Query): ParameterTableFile {
  const loaded = query("SHOW shared_preload_libraries")
    .trim()
    .split(/\s*,\s*/);
  const missing = LIBRARIES.filter((library) => !loaded.includes(library));
  if (missing.length > 0)
    throw new Error(`the server has not loaded ${missing.join(", ")}; put them in its shared_preload_libraries`);
  return {
    server: query("SHOW server_version").trim(),
    libraries: LIBRARIES,
    parameters: JSON.parse(query(PARAMETERS_QUERY)) as ParameterTableFile["parameters"],
  };
}

const { values } = parseArgs({
  options: {
    bindir: { type: "string" },
    root: { type: "string" },
    user: { type: "string", default: "postgres" },
    connection: { type: "string" },
  },
});
const { bindir, root, user, connection } = values;

let table: ParameterTableFile;
if (connection !== undefined) table = withConnection(connection, readTable);
else if (bindir !== undefined) table = withTemporaryServer({ bindir, root, user, libraries: LIBRARIES }, readTable);
else throw new Error("expected --bindir DIR or --connection URI");

const major = Number.parseInt(table.server, 10);
const directory = join(__dirname, "..", "..", "components", "spec", "parameters");
const rows = table.parameters.map((row) => `    ${JSON.stringify(row)}`).join(",\n");
writeFileSync(
  join(directory, `${major}.json`),
  `{\n  "server": ${JSON.stringify(table.server)},\n  "libraries": ${JSON.stringify(table.libraries)},\n  "parameters": [\n${rows}\n  ]\n}\n`,
);
writeFileSync(join(directory, `names-${major}.ts`), parameterTypes(major, table));
execFileSync("biome", ["format", "--write", directory], { stdio: "inherit" });
console.log(`${table.parameters.length} parameters of PostgreSQL ${table.server}`);
