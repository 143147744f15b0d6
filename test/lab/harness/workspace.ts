/**
 * A copy of the project with one stack and a backend of its own, driven by the real CLI like a user would: edit the declaration, preview,
 * up. Its cluster stands on lab machines of this host.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { ClusterAccess } from "../../../components/operate/access";
import type { ClusterInput } from "../../../components/spec";
import { claim, sweep, WORKSPACES } from "./leftovers";
import { until } from "./until";

const CHECKOUT = join(__dirname, "../../..");
/** The stack that the npm scripts work on. */
const STACK = "lab";
/**
 * Not part of what a program needs: what is generated, what belongs to this checkout, and its stacks, whose settings are encrypted with its
 * own passphrase. All else is copied and not linked, for programs find what belongs to them beside their own file, links resolved.
 */
const LEFT_OUT = [".git", ".pulumi", "node_modules", "docs", "stacks", "test", "test-report"];
/** No update of a small lab takes longer; one that does hangs. */
const UPDATE_LIMIT_SECONDS = 300;

/** The stack's outputs, secrets in plain. */
export interface Outputs {
  readonly readWrite: ConnectedEndpoint;
  readonly readOnly: ConnectedEndpoint;
  readonly members: readonly { readonly key: string; readonly address: string; readonly zone: string }[];
  readonly caCertificate: string;
  readonly adminPassword: string;
  readonly access: ClusterAccess;
  readonly readme: string;
}

export interface ConnectedEndpoint {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly database: string;
  readonly connectionString: string;
}

/** A finished run of the CLI. */
export interface CliResult {
  /** Exit status; null: ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  /** Both streams, as they came. */
  readonly output: string;
  readonly seconds: number;
}

/** A run of the CLI that is under way. */
export interface CliRun {
  readonly process: ChildProcess;
  /** Everything printed so far. */
  output(): string;
  readonly finished: Promise<CliResult>;
}

/** Waits for a line of a run that is under way. */
export async function shown(run: CliRun, line: RegExp): Promise<void> {
  await until(`${line} in the output`, 120, () => (line.test(run.output()) ? { done: undefined } : "not yet"));
}

export class Workspace {
  readonly directory: string;
  private runs = 0;

  private constructor(
    readonly cluster: string,
    private declaration: ClusterInput,
  ) {
    this.directory = join(WORKSPACES, cluster);
  }

  /**
   * The workspace of this cluster. One that this test run has made already is taken as it is, with the new declaration; anything
   * left by a run that is dead is removed first.
   */
  static async open(declaration: ClusterInput): Promise<Workspace> {
    const workspace = new Workspace(declaration.name, declaration);
    if ((await claim(declaration.name)) === "new") await workspace.make();
    workspace.edit((same) => same);
    return workspace;
  }

  /** Changes the declaration; the next `preview` or `up` sees it. */
  edit(change: (declaration: ClusterInput) => ClusterInput): void {
    this.declaration = change(this.declaration);
    const text = `import { declareCluster } from "../components/spec";\n\nexport default declareCluster(${JSON.stringify(this.declaration, undefined, 2)});\n`;
    writeFileSync(join(this.directory, "stacks", `${STACK}.ts`), text);
  }

  /** @throws When it fails, with the end of its output. */
  async up(...options: string[]): Promise<CliResult> {
    return succeeded("up", await this.start("up", "--yes", "--skip-preview", ...options).finished);
  }

  async preview(...options: string[]): Promise<CliResult> {
    return succeeded("preview", await this.start("preview", ...options).finished);
  }

  /** Has the stack's state say what is there. */
  async refresh(): Promise<CliResult> {
    return succeeded("refresh", await this.start("refresh", "--yes", "--skip-preview").finished);
  }

  /** Outputs with their secrets. */
  async outputs(): Promise<Outputs> {
    const run = this.cli("stack", "output", "--json", "--show-secrets", "--stack", STACK);
    return JSON.parse(succeeded("stack output", await run.finished).stdout) as Outputs;
  }

  /** The state as `pulumi stack export` writes it; secrets are encrypted unless the options say otherwise. */
  async export(...options: string[]): Promise<string> {
    return succeeded("stack export", await this.cli("stack", "export", "--stack", STACK, ...options).finished).stdout;
  }

  /** `pulumi destroy`, then everything that could be left of the cluster and of this workspace. Logs stay in test-report/lab. */
  async destroy(): Promise<CliResult> {
    const result = await this.start("destroy", "--yes", "--skip-preview").finished;
    await this.remove();
    return succeeded("destroy", result);
  }

  /** Removes the cluster's machines and the workspace without asking Pulumi. */
  async remove(): Promise<void> {
    await sweep(this.cluster);
  }

  /** Starts a command of the CLI on the stack; its output also goes to a log of its own. */
  start(command: string, ...options: string[]): CliRun {
    return this.cli(command, "--stack", STACK, "--non-interactive", "--color=never", ...options);
  }

  /** Runs one of the project's npm scripts in this workspace, as its user would. */
  npm(script: string, ...words: string[]): CliRun {
    return this.spawn(
      "npm",
      ["run", "--silent", script, ...(words.length > 0 ? ["--", ...words] : [])],
      plainEnvironment(),
    );
  }

  private async make(): Promise<void> {
    for (const path of readdirSync(CHECKOUT).filter((name) => !LEFT_OUT.includes(name)))
      cpSync(join(CHECKOUT, path), join(this.directory, path), { recursive: true });
    cpSync(join(CHECKOUT, "stacks/index.ts"), join(this.directory, "stacks/index.ts"));
    symlinkSync(join(CHECKOUT, "node_modules"), join(this.directory, "node_modules"));
    for (const path of ["logs", ".pulumi/state"])
      mkdirSync(join(this.directory, path), { recursive: true, mode: 0o700 });
    writeFileSync(this.passphraseFile, randomBytes(16).toString("base64"), { mode: 0o600 });
    succeeded("stack init", await this.cli("stack", "init", STACK, "--no-select").finished);
  }

  private get passphraseFile(): string {
    return join(this.directory, ".pulumi/passphrase");
  }

  private cli(...words: string[]): CliRun {
    const program = process.env.PGKEEL_CLI;
    if (program === undefined || !existsSync(program))
      throw new Error(`PGKEEL_CLI: got ${program}; expected the path of the Pulumi CLI (npm run test:lab sets it)`);
    return this.spawn(program, words, {
      ...plainEnvironment(),
      // Where toolchain/run would put them: a stack can be worked on in both ways.
      PULUMI_BACKEND_URL: `file://${join(this.directory, ".pulumi/state")}`,
      PULUMI_CONFIG_PASSPHRASE_FILE: this.passphraseFile,
    });
  }

  private spawn(program: string, words: string[], env: NodeJS.ProcessEnv): CliRun {
    const began = performance.now();
    const child = spawn(program, words, { cwd: this.directory, env, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, output] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    const limit = setTimeout(() => child.kill("SIGINT"), UPDATE_LIMIT_SECONDS * 1000);
    this.runs += 1;
    const name = [
      String(this.runs).padStart(2, "0"),
      basename(program),
      ...words.filter((word) => /^[a-z:]+$/.test(word)),
    ];
    const log = join(this.directory, "logs", `${name.join("-").replaceAll(":", "-")}.log`);
    const finished = new Promise<CliResult>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        clearTimeout(limit);
        // An export or an output shows what must not lie about.
        if (words[0] !== "stack" && existsSync(this.directory)) writeFileSync(log, output);
        resolve({ code, stdout, output, seconds: (performance.now() - began) / 1000 });
      });
    });
    return { process: child, output: () => output, finished };
  }
}

/** Without what would lead to a backend or stack of the person who runs the tests. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const personal = ["BACKEND_URL", "ACCESS_TOKEN", "CONFIG_PASSPHRASE", "CONFIG_PASSPHRASE_FILE", "STACK"];
  const names = new Set(personal.map((name) => `PULUMI_${name}`));
  const kept = Object.entries(process.env).filter(([name]) => !names.has(name));
  return { ...Object.fromEntries(kept), PULUMI_SKIP_UPDATE_CHECK: "true" };
}

function succeeded(what: string, result: CliResult): CliResult {
  if (result.code === 0) return result;
  throw new Error(
    `pulumi ${what} failed (exit status ${result.code}):\n${result.output.split("\n").slice(-80).join("\n")}`,
  );
}
