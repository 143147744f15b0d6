/**
 * The program's side of the witness. It never keeps the program alive, and nothing that happens to it makes an update fail:
 * what cannot be measured is said.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as pulumi from "@pulumi/pulumi";
import type { AccessMachine, ClusterAccess } from "../../operate/access";
import { isClean, type Measured, type Proof, updateReport } from "../../operate/witness/proof";
import type { RolloutPlan } from "../../plan/change";
import type { PreviousRun } from "../previous";
import type { FromWitness, ToWitness } from "./protocol";

/** The cluster waits so long for the clients to be at work, in ms. Over the child's own limits. */
const READY_MS = 12_000;
/** And so long for the report, in ms. */
const REPORT_MS = 20_000;

type Answer<Kind extends FromWitness["kind"]> = Extract<FromWitness, { kind: Kind | "failed" }>;

export class Witness {
  /** Settles when its clients are at work, or when it is clear that they will not be. Never rejects. */
  readonly ready: Promise<unknown>;
  private readonly child: ChildProcess;
  private readonly heard: FromWitness[] = [];
  private wake: () => void = () => undefined;
  private proof: Promise<Proof | undefined> | undefined;

  /** Undefined: nothing is going to disturb a living cluster, so that there is nothing to see. */
  static start(previous: PreviousRun | undefined, plan: RolloutPlan): Witness | undefined {
    if (pulumi.runtime.isDryRun() || previous?.adminPassword === undefined) return undefined;
    if (!plan.executable || !plan.steps.some(isWorkOnTheCluster)) return undefined;
    return new Witness(previous.access, previous.adminPassword, plan.steps.length);
  }

  private constructor(
    access: ClusterAccess,
    password: string,
    private readonly steps: number,
  ) {
    // Packages before the TypeScript loader, which would inspect each of their files.
    const preload = ["ssh2", "pg", "zod", "tsx/cjs"].flatMap((name) => ["--require", name]);
    this.child = spawn(process.execPath, [...preload, join(__dirname, "child.ts")], {
      // A group of its own: an interrupt at the terminal is for the engine, and the witness tidies up when this process ends.
      detached: true,
      env: withoutSettings(process.env),
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.child.on("error", (error) => this.hear({ kind: "failed", why: error.message }));
    this.child.on("close", () => this.hear({ kind: "failed", why: "its process has ended" }));
    // Its end closes the pipe; that is heard above.
    this.child.stdin?.on("error", () => undefined);
    if (this.child.stdout !== null)
      createInterface({ input: this.child.stdout }).on("line", (line) => this.hear(JSON.parse(line) as FromWitness));
    for (const handle of [this.child, this.child.stdin, this.child.stdout])
      (handle as unknown as { unref(): void } | null)?.unref();
    this.say({ kind: "begin", access, password });
    this.ready = this.answer("ready", READY_MS);
  }

  /** How a machine is reached from now on. */
  reach(machine: AccessMachine): void {
    this.say({ kind: "reach", machine });
  }

  /** The value, when the clients are at work: for whatever must not begin before. */
  whenReady<T>(value: pulumi.Output<T>): pulumi.Output<T> {
    return pulumi.all([value, this.ready]).apply(([known]) => known as T);
  }

  /** For resources that change the cluster: after a failure, too, the user learns what clients saw. */
  onFailure(name: string, resource: pulumi.Resource): pulumi.ErrorHook {
    return new pulumi.ErrorHook(`${name}-witness`, async () => {
      await this.prove(resource);
      return false;
    });
  }

  /**
   * Ends the measurement and tells the user what it found, beside the resource; once, however often it is asked.
   * @param access How the cluster is reached now; default: as the witness knows.
   * @returns undefined when nothing was measured.
   */
  prove(resource: pulumi.Resource, access?: ClusterAccess): Promise<Proof | undefined> {
    this.proof ??= this.report(resource, access);
    return this.proof;
  }

  private async report(resource: pulumi.Resource, access: ClusterAccess | undefined): Promise<Proof | undefined> {
    await this.ready;
    this.say({ kind: "finish", ...(access && { access }) });
    const answer = await this.answer("measured", REPORT_MS);
    this.child.stdin?.end();
    if (answer.kind === "failed") {
      await pulumi.log.warn(`What clients saw of this update was not measured: ${answer.why}`, resource);
      return undefined;
    }
    await tell(answer.measured, resource);
    return { at: new Date().toISOString(), steps: this.steps, ...answer.measured };
  }

  private hear(line: FromWitness): void {
    this.heard.push(line);
    this.wake();
  }

  private say(line: ToWitness): void {
    this.child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  /** Its next word of this kind. The timer holds the program meanwhile: the witness itself does not. */
  private async answer<Kind extends FromWitness["kind"]>(kind: Kind, limitMs: number): Promise<Answer<Kind>> {
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      this.wake();
    }, limitMs);
    try {
      for (;;) {
        const found = this.heard.find((line) => line.kind === kind || line.kind === "failed");
        if (found !== undefined) return found as Answer<Kind>;
        if (over) return { kind: "failed", why: `no answer within ${limitMs / 1000} s` } as Answer<Kind>;
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Everything but the reading of changed files by services, and looking. */
function isWorkOnTheCluster({ by, kind }: RolloutPlan["steps"][number]): boolean {
  return by !== "converge" && kind !== "preflight" && kind !== "verify";
}

async function tell(measured: Measured, resource: pulumi.Resource): Promise<void> {
  const text = updateReport(measured).join("\n");
  await (isClean(measured) ? pulumi.log.info(text, resource) : pulumi.log.warn(text, resource));
}

/** The engine's addresses, and the stack's settings, are none of its business. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("PULUMI_")));
}
