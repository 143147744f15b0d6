/** One kind of resource of the plugin, independent of how the engine talks to it. */
import { randomBytes } from "node:crypto";
import { copyToRemote, sourceProblem } from "./copy-to-remote";
import type { EngineLog } from "./engine-log";
import { type CheckFailure, checkFields, type ResourceType, resources } from "./fields";
import { runLocalCommand } from "./local-command";
import type { Finished } from "./output";
import {
  equal,
  isSecret,
  isUnknown,
  type PropertyObject,
  type PropertyValue,
  reveal,
  secret,
  source,
  UNKNOWN,
} from "./property-values";
import { runRemoteCommand, type Surroundings } from "./remote-command";
import type { SshConnections } from "./ssh";

/** A resource that the engine names. */
export interface Target {
  readonly type: ResourceType;
  readonly urn: string;
  readonly name: string;
}

/** Runs the commands of resources. */
export class Resources {
  constructor(
    readonly connections: SshConnections,
    readonly log: EngineLog,
  ) {}

  check(type: ResourceType, inputs: PropertyObject): { inputs: PropertyObject; failures: readonly CheckFailure[] } {
    const checked = checkFields(inputs, resources[type]);
    const problem = sourceProblem(source(reveal(checked.inputs.source)));
    if (problem === undefined) return checked;
    return { ...checked, failures: [...checked.failures, { property: "source", reason: problem }] };
  }

  /** The inputs that the resource's state was made from: the state holds them beside the outputs. */
  inputsOf(type: ResourceType, state: PropertyObject): PropertyObject {
    return Object.fromEntries(Object.keys(resources[type]).map((name) => [name, state[name] ?? null]));
  }

  async create(
    target: Target,
    inputs: PropertyObject,
    preview: boolean,
  ): Promise<{ id: string; state: PropertyObject }> {
    const random = randomBytes(4).toString("hex");
    const id = target.type === "command:remote:CopyToRemote" ? random : `${target.name}${random}`;
    const run = commandOf(inputs.create);
    if (preview) return { id, state: withOutputs(target.type, inputs, unknownOutputs(target.type)) };
    if (target.type === "command:remote:CopyToRemote") {
      await copyToRemote(inputs, this.#surroundings(target));
      return { id, state: inputs };
    }
    const outputs = run === undefined ? nothing : await this.#run(target, run, inputs, undefined);
    return { id, state: withOutputs(target.type, inputs, outputs) };
  }

  async update(target: Target, old: PropertyObject, inputs: PropertyObject, preview: boolean): Promise<PropertyObject> {
    if (target.type === "command:remote:CopyToRemote") {
      const changed = !equal(reveal(old.source), reveal(inputs.source)) || !equal(old.remotePath, inputs.remotePath);
      if (!preview && changed) await copyToRemote(inputs, this.#surroundings(target));
      return inputs;
    }
    if (preview) return withOutputs(target.type, inputs, unknownOutputs(target.type));
    const run = commandOf(inputs.update) ?? commandOf(inputs.create);
    const before = outputsOf(old);
    const outputs = run === undefined ? before : { ...before, ...(await this.#run(target, run, inputs, old)) };
    return withOutputs(target.type, inputs, outputs);
  }

  async delete(target: Target, state: PropertyObject): Promise<void> {
    const run = commandOf(state.delete);
    if (run !== undefined) await this.#run(target, run, state, state);
  }

  async #run(
    target: Target,
    command: string,
    inputs: PropertyObject,
    before: PropertyObject | undefined,
  ): Promise<PropertyObject> {
    const previous: Finished | undefined = before && {
      stdout: text(before.stdout),
      stderr: text(before.stderr),
    };
    const surroundings = this.#surroundings(target);
    try {
      const finished =
        target.type === "command:remote:Command"
          ? await runRemoteCommand(command, inputs, previous, surroundings)
          : await runLocalCommand(command, inputs, previous, surroundings.status, this.connections.cancellation.signal);
      return { ...finished };
    } finally {
      await this.log.flush();
    }
  }

  #surroundings(target: Target): Surroundings {
    return {
      connections: this.connections,
      status: (line) => this.log.status(target.urn, line),
      warn: (line) => this.log.line("warning", target.urn, line),
    };
  }
}

const nothing: PropertyObject = { stdout: "", stderr: "" };
const outputNames = ["stdout", "stderr", "assets"] as const;

function commandOf(value: PropertyValue | undefined): string | undefined {
  const plain = reveal(value);
  return typeof plain === "string" ? plain : undefined;
}

function text(value: PropertyValue | undefined): string {
  const plain = reveal(value);
  return typeof plain === "string" ? plain : "";
}

function outputsOf(state: PropertyObject): PropertyObject {
  return Object.fromEntries(outputNames.filter((name) => state[name] !== undefined).map((name) => [name, state[name]]));
}

function unknownOutputs(type: ResourceType): PropertyObject {
  return type === "command:remote:CopyToRemote" ? {} : { stdout: UNKNOWN, stderr: UNKNOWN };
}

/**
 * The state of a resource: its inputs as they came, and its outputs. What a command prints is a secret when the command
 * is one: the whole text of it, for a remote command; any input, for a local one. So the real plugin has it.
 */
function withOutputs(type: ResourceType, inputs: PropertyObject, outputs: PropertyObject): PropertyObject {
  const causes = type === "command:remote:Command" ? [inputs.create, inputs.update] : Object.values(inputs);
  const hide = causes.some(isSecret);
  return {
    ...inputs,
    ...Object.fromEntries(
      Object.entries(outputs).map(([name, value = null]) => [name, hide && !isUnknown(value) ? secret(value) : value]),
    ),
  };
}
