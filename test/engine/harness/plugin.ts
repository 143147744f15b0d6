/** Talks to the stand-in for the `command` plugin as the engine does, without an engine. */
import { type ChildProcess, spawn } from "node:child_process";
import * as path from "node:path";
import * as grpc from "@grpc/grpc-js";
import * as engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb";
import type * as engineProto from "@pulumi/pulumi/proto/engine_pb";
import * as providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as provider from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { PropertyObject } from "../../../toolchain/standins/command/property-values";
import { channelOptions } from "../../../toolchain/standins/serve";

export type ResourceType = "remote:Command" | "remote:CopyToRemote" | "local:Command";

/** A line that the plugin showed to the user. */
export interface LogLine {
  readonly severity: number;
  readonly message: string;
  readonly urn: string;
  readonly ephemeral: boolean;
}

const START = path.resolve(__dirname, "../../../toolchain/standins/start.js");

export class Plugin {
  readonly log: LogLine[] = [];
  #process!: ChildProcess;
  #engine!: grpc.Server;
  #client!: providerGrpc.ResourceProviderClient;

  static async start(environment: NodeJS.ProcessEnv = {}): Promise<Plugin> {
    const plugin = new Plugin();
    plugin.#engine = new grpc.Server();
    plugin.#engine.addService(engineGrpc.EngineService, {
      log: (call: grpc.ServerUnaryCall<engineProto.LogRequest, Empty>, callback: grpc.sendUnaryData<Empty>) => {
        plugin.log.push({
          severity: call.request.getSeverity(),
          message: call.request.getMessage(),
          urn: call.request.getUrn(),
          ephemeral: call.request.getEphemeral(),
        });
        callback(null, new Empty());
      },
    });
    const enginePort = await new Promise<number>((resolve, reject) =>
      plugin.#engine.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
    const { SSH_AUTH_SOCK: _, ...inherited } = process.env;
    plugin.#process = spawn("node", [START, "resource-command", `127.0.0.1:${enginePort}`], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...inherited, ...environment },
    });
    const port = await new Promise<string>((resolve, reject) => {
      plugin.#process.stdout?.once("data", (line: Buffer) => resolve(line.toString().trim()));
      plugin.#process.once("exit", (code) => reject(new Error(`the plugin ended with ${code}`)));
    });
    plugin.#client = new providerGrpc.ResourceProviderClient(
      `127.0.0.1:${port}`,
      grpc.credentials.createInsecure(),
      channelOptions,
    );
    return plugin;
  }

  stop(): void {
    this.#process.kill("SIGKILL");
    this.#client.close();
    this.#engine.forceShutdown();
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** What the user saw, line by line. */
  get shown(): string[] {
    return this.log.map(({ message }) => message);
  }

  async check(type: ResourceType, inputs: object) {
    const request = new provider.CheckRequest();
    request.setUrn(urn(type));
    request.setNews(struct(inputs));
    const response = await this.#call<provider.CheckRequest, provider.CheckResponse>("check", request);
    return {
      inputs: response.getInputs()?.toJavaScript() as PropertyObject,
      failures: response.getFailuresList().map((failure) => `${failure.getProperty()}: ${failure.getReason()}`),
    };
  }

  async diff(type: ResourceType, old: object, next: object) {
    const request = new provider.DiffRequest();
    request.setUrn(urn(type));
    request.setOlds(struct(old));
    request.setNews(struct(next));
    const response = await this.#call<provider.DiffRequest, provider.DiffResponse>("diff", request);
    const names = Object.entries(provider.PropertyDiff.Kind);
    return {
      changes: response.getChanges() === provider.DiffResponse.DiffChanges.DIFF_SOME,
      replaces: response.getReplacesList(),
      detailed: Object.fromEntries(
        [...response.getDetaileddiffMap().entries()].map(([path, entry]) => [
          path,
          names.find(([, value]) => value === entry.getKind())?.[0],
        ]),
      ),
    };
  }

  async create(type: ResourceType, inputs: object, { preview = false, name = "it" } = {}) {
    const request = new provider.CreateRequest();
    request.setUrn(urn(type, name));
    request.setProperties(struct(inputs));
    request.setPreview(preview);
    const response = await this.#call<provider.CreateRequest, provider.CreateResponse>("create", request);
    return { id: response.getId(), state: response.getProperties()?.toJavaScript() as PropertyObject };
  }

  async update(type: ResourceType, old: object, next: object, { preview = false } = {}) {
    const request = new provider.UpdateRequest();
    request.setUrn(urn(type));
    request.setId("id");
    request.setOlds(struct(old));
    request.setNews(struct(next));
    request.setPreview(preview);
    const response = await this.#call<provider.UpdateRequest, provider.UpdateResponse>("update", request);
    return response.getProperties()?.toJavaScript() as PropertyObject;
  }

  async delete(type: ResourceType, state: object): Promise<void> {
    const request = new provider.DeleteRequest();
    request.setUrn(urn(type));
    request.setId("id");
    request.setProperties(struct(state));
    await this.#call("delete", request);
  }

  async run(args: object) {
    const request = new provider.InvokeRequest();
    request.setTok("command:local:run");
    request.setArgs(struct(args));
    const response = await this.#call<provider.InvokeRequest, provider.InvokeResponse>("invoke", request);
    return response.getReturn()?.toJavaScript() as PropertyObject;
  }

  async cancel(): Promise<void> {
    await this.#call("cancel", new Empty());
  }

  #call<Request, Response>(method: string, request: Request): Promise<Response> {
    const client = this.#client as unknown as Record<
      string,
      (request: Request, callback: (error: grpc.ServiceError | null, response: Response) => void) => void
    >;
    return new Promise((resolve, reject) => {
      client[method]?.call(client, request, (error, response) =>
        error ? reject(new Error(error.details)) : resolve(response),
      );
    });
  }
}

function urn(type: ResourceType, name = "it"): string {
  return `urn:pulumi:stack::project::pgkeel:index:Cluster$command:${type}::${name}`;
}

function struct(object: object): Struct {
  return Struct.fromJavaScript(object as Parameters<typeof Struct.fromJavaScript>[0]);
}
