/** Builds the Pulumi CLI from its Go module, pinned by toolchain/cli/go.mod and go.sum, into a cache outside the checkout. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { installPackages } from "./debian";
import { SetupError, say, timed } from "./say";

const MODULE = path.resolve(__dirname, "../cli");

/** The variable of the module that holds the version: the CLI refuses some work when it is empty. */
const VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

/** Packages that the CLI is built from, about; for the progress only. */
const PACKAGES = 1680;

/** How often the progress is shown. A build from nothing takes 4 minutes on 2 idle cores. */
const PROGRESS_MILLISECONDS = 20_000;

/** Lines of Go's output that are shown when it fails. */
const LAST_LINES = 30;

/** An older Go can fetch the one that go.mod asks for, as a module; older than this it cannot (go.dev/doc/toolchain). */
const OLDEST_GO = [1, 21] as const;

/** Builds unless the cache has it, and puts it at `place`. */
export async function buildCli(version: string, place: string): Promise<void> {
  const cached = path.join(cacheDirectory(version), "pulumi");
  if (!fs.existsSync(cached)) {
    await needGo();
    await timed(`building Pulumi ${version} from its Go module (about 4 minutes on 2 cores, 115 MB)`, () =>
      build(version, cached),
    );
  }
  fs.mkdirSync(path.dirname(place), { recursive: true });
  const part = `${place}.${process.pid}.part`;
  try {
    fs.linkSync(cached, part);
  } catch {
    // The cache is on another file system.
    fs.copyFileSync(cached, part);
  }
  fs.renameSync(part, place);
}

/** Named by everything that the binary depends on, so that a cached one is never an outdated one. */
function cacheDirectory(version: string): string {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  const sums = createHash("sha256");
  for (const name of ["go.mod", "go.sum"]) sums.update(fs.readFileSync(path.join(MODULE, name)));
  return path.join(
    cache,
    "pgkeel",
    `pulumi-${version}-${sums.digest("hex").slice(0, 12)}-${os.platform()}-${os.arch()}`,
  );
}

async function build(version: string, cached: string): Promise<void> {
  fs.mkdirSync(path.dirname(cached), { recursive: true });
  const part = `${cached}.part`;
  const flags = ["-v", "-trimpath", "-ldflags", `-s -w -X ${VERSION_VARIABLE}=v${version}`, "-o", part];
  const failed = await runGo(["build", ...flags, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"]);
  if (failed !== undefined) {
    fs.rmSync(part, { force: true });
    throw new SetupError(`the Go build of the Pulumi CLI failed:\n${failed}`);
  }
  const answer = spawnSync(part, ["version"], { encoding: "utf8" }).stdout?.trim();
  if (answer !== `v${version}`) {
    throw new SetupError(
      `toolchain/cli/go.mod builds Pulumi ${answer}, but package.json pins ${version}; in toolchain/cli run: ` +
        `go get -tool github.com/pulumi/pulumi/pkg/v3/cmd/pulumi@v${version}`,
    );
  }
  fs.renameSync(part, cached);
}

/** @returns the end of Go's output when it failed */
function runGo(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn("go", args, {
      cwd: MODULE,
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        ...process.env,
        GOFLAGS: "-mod=readonly",
        GOWORK: "off",
        // No C compiler is needed then.
        CGO_ENABLED: "0",
        // Debian and some images say "local"; the module may need a newer Go than they have.
        GOTOOLCHAIN: "auto",
      },
    });
    let last: string[] = [];
    let packages = 0;
    const timer = setInterval(
      () => say(packages === 0 ? "still at work" : `built ${packages} of about ${PACKAGES} packages`),
      PROGRESS_MILLISECONDS,
    );
    createInterface({ input: child.stderr }).on("line", (line) => {
      last = [...last, line].slice(-LAST_LINES);
      // A package's name; other lines are errors and downloads.
      if (/^[\w./~-]+$/.test(line)) packages++;
    });
    const finish = (failed: string | undefined) => {
      clearInterval(timer);
      resolve(failed);
    };
    child.on("error", (error) => finish(error.message));
    child.on("close", (code) => finish(code === 0 ? undefined : last.join("\n")));
  });
}

async function needGo(): Promise<void> {
  const found = goVersion();
  if (found === undefined) {
    const debian = spawnSync("dpkg", ["--version"]).status === 0;
    if (!debian || process.getuid?.() !== 0) {
      throw new SetupError(
        "Go is missing, and the Pulumi CLI must be built with it here; install Go (Debian: apt-get install golang-go), " +
          "or a pulumi of the pinned version",
      );
    }
    say("Go is missing");
    await installPackages(["golang-go"]);
    return;
  }
  const [major, minor] = found;
  if (major < OLDEST_GO[0] || (major === OLDEST_GO[0] && minor < OLDEST_GO[1])) {
    throw new SetupError(
      `Go ${major}.${minor} is too old to build the Pulumi CLI; install Go ${OLDEST_GO.join(".")} or later`,
    );
  }
}

function goVersion(): readonly [number, number] | undefined {
  const answer = spawnSync("go", ["version"], { encoding: "utf8", env: { ...process.env, GOTOOLCHAIN: "local" } });
  const match = /go(\d+)\.(\d+)/.exec(answer.stdout ?? "");
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}
