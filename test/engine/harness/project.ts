/** A Pulumi program of its own in a temporary directory, on a backend of files, run by the real CLI. */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const ROOT = path.resolve(__dirname, "../../..");

/** What a run of the CLI left. */
export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  /** Both streams as they came. */
  readonly output: string;
}

/** A resource as the state holds it. */
export interface StoredResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs: Record<string, unknown>;
  readonly outputs: Record<string, unknown>;
}

/** One step that a preview announces. */
export interface PreviewStep {
  readonly op: string;
  readonly urn: string;
  readonly detailedDiff?: Record<string, { readonly kind: string }>;
}

export interface ProjectOptions {
  /** TypeScript of the program. */
  readonly program: string;
  /** Further files, by path below the project. */
  readonly files?: Readonly<Record<string, string>>;
  /** `runtime.options` of Pulumi.yaml. */
  readonly runtimeOptions?: object;
  /** Put before everything else on PATH. */
  readonly firstOnPath?: string;
}

/** The stack's name in each of these projects. */
export const STACK = "test";

export class Project {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), "pgkeel-engine-"));
  readonly #environment: NodeJS.ProcessEnv;

  private constructor({ program, files = {}, runtimeOptions, firstOnPath }: ProjectOptions) {
    fs.mkdirSync(path.join(this.directory, "state"));
    fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(this.directory, "node_modules"));
    fs.symlinkSync(path.join(ROOT, "components"), path.join(this.directory, "components"));
    const options = runtimeOptions ?? { typescript: false, nodeargs: "--require tsx/cjs" };
    this.write(
      "Pulumi.yaml",
      JSON.stringify({ name: "project", main: "index.ts", runtime: { name: "nodejs", options } }),
    );
    this.write("package.json", JSON.stringify({ name: "project", version: "1.0.0" }));
    this.write("index.ts", program);
    for (const [file, content] of Object.entries(files)) this.write(file, content);
    this.#environment = {
      ...process.env,
      ...(firstOnPath === undefined ? {} : { PATH: `${firstOnPath}:${process.env.PATH}` }),
      PULUMI_BACKEND_URL: this.backendUrl,
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_CONFIG_PASSPHRASE_FILE: "",
    };
  }

  static async create(options: ProjectOptions): Promise<Project> {
    const project = new Project(options);
    await project.succeed("stack", "init", STACK);
    return project;
  }

  get backendUrl(): string {
    return `file://${this.directory}/state`;
  }

  write(file: string, content: string): void {
    const place = path.join(this.directory, file);
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.writeFileSync(place, content);
  }

  remove(): void {
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  /** Starts the CLI and leaves it running. */
  start(...args: string[]): ChildProcess {
    const cli = process.env.PGKEEL_CLI;
    if (!cli) throw new Error("PGKEEL_CLI is not set: start the tests by npm run test:engine");
    return spawn(cli, [...args, "--non-interactive", "--color=never"], {
      cwd: this.directory,
      env: this.#environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Does something with this project's directory and settings as the process's own. */
  async inEnvironment<T>(work: () => Promise<T>): Promise<T> {
    const [directory, environment] = [process.cwd(), { ...process.env }];
    process.chdir(this.directory);
    Object.assign(process.env, this.#environment);
    try {
      return await work();
    } finally {
      process.chdir(directory);
      process.env = environment;
    }
  }

  run(...args: string[]): Promise<Run> {
    const child = this.start(...args);
    let [stdout, output] = ["", ""];
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => resolve({ status, stdout, output }));
    });
  }

  async succeed(...args: string[]): Promise<Run> {
    const run = await this.run(...args);
    if (run.status !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${run.status}:\n${run.output}`);
    return run;
  }

  up(): Promise<Run> {
    return this.run("up", "--yes", "--skip-preview", "--stack", STACK);
  }

  config(key: string, value: string): Promise<Run> {
    return this.succeed("config", "set", key, value, "--stack", STACK);
  }

  /** The steps that are not "same". */
  async preview(): Promise<readonly PreviewStep[]> {
    const { stdout } = await this.succeed("preview", "--json", "--stack", STACK);
    const { steps }: { steps: readonly PreviewStep[] } = JSON.parse(stdout);
    return steps.filter(({ op }) => op !== "same");
  }

  /** The state as it is stored: secrets encrypted. */
  async exported(): Promise<{ text: string; resources: readonly StoredResource[] }> {
    const { stdout } = await this.succeed("stack", "export", "--stack", STACK);
    return { text: stdout, resources: JSON.parse(stdout).deployment.resources ?? [] };
  }

  /** The resource of that name. */
  async resource(name: string): Promise<StoredResource> {
    const { resources } = await this.exported();
    const found = resources.find(({ urn }) => urn.endsWith(`::${name}`));
    if (!found) throw new Error(`no resource ${name} in the state`);
    return found;
  }
}
