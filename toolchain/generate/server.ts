/** A PostgreSQL server to ask: one that runs, or one made for the moment. */
import { execFileSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Runs one query and returns its single value as text. */
export type Query = (sql: string) => string;

export interface TemporaryServer {
  /** Directory of initdb, pg_ctl and psql: "/usr/lib/postgresql/17/bin". */
  readonly bindir: string;
  /** Root directory of another system that has it, such as the lab's image. Its /tmp is written to, and cleared again. */
  readonly root?: string | undefined;
  /** User that PostgreSQL runs as; it refuses root. */
  readonly user: string;
  /** Loaded at its start, so that their parameters are there. */
  readonly libraries: readonly string[];
}

/** Asks a running server, through the psql on PATH. */
export function withConnection<T>(connection: string, use: (query: Query) => T): T {
  return use((sql) => execFileSync("psql", [connection, "-XAtqc", sql], { encoding: "utf8", maxBuffer: 1 << 26 }));
}

/** Makes a server in a temporary directory, asks it over a socket, and removes it. */
export function withTemporaryServer<T>(server: TemporaryServer, use: (query: Query) => T): T {
  const { bindir, root = "/", user } = server;
  const outside = mkdtempSync(join(root, "tmp", "pgkeel-generate-"));
  const inside = join("/", outside.slice(join(root, "/").length));
  const id = (flag: string) => Number(execFileSync("chroot", [root, "id", flag, user], { encoding: "utf8" }));
  chownSync(outside, id("-u"), id("-g"));
  const run = (program: string, args: readonly string[]) =>
    execFileSync("chroot", [`--userspec=${user}`, root, `${bindir}/${program}`, ...args], {
      encoding: "utf8",
      maxBuffer: 1 << 26,
      stdio: ["ignore", "pipe", "inherit"],
    });
  const data = `${inside}/data`;
  const options = `-c listen_addresses= -c unix_socket_directories=${inside} -c shared_preload_libraries=${server.libraries.join(",")}`;
  try {
    run("initdb", ["-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "--locale=C.UTF-8"]);
    run("pg_ctl", ["-D", data, "-w", "-l", `${inside}/log`, "-o", options, "start"]);
    try {
      return use((sql) => run("psql", ["-h", inside, "-U", "postgres", "-d", "postgres", "-XAtqc", sql]));
    } finally {
      run("pg_ctl", ["-D", data, "-w", "-m", "immediate", "stop"]);
    }
  } finally {
    rmSync(outside, { recursive: true });
  }
}
