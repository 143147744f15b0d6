/**
 * Stand-in for `pulumi-resource-command` 1.2.1, the plugin behind `@pulumi/command`, for machines where the official
 * plugin cannot be downloaded. It takes the same inputs and gives the same outputs, differences and replacements, so a state
 * written with one is used by the other. Not covered: `archivePaths` and the deprecated `remote.CopyFile`.
 */
import * as grpc from "@grpc/grpc-js";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb";
import * as providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as provider from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { EngineLog } from "./command/engine-log";
import { checkFields, type ResourceType, resources, runArguments } from "./command/fields";
import { runLocalCommand } from "./command/local-command";
import { type ChangeKind, diffProperties, topLevelName } from "./command/property-diff";
import type { PropertyObject } from "./command/property-values";
import { Resources, type Target } from "./command/resource";
import { Cancellation, messageOf, SshConnections } from "./command/ssh";
import { engineAddress, servePlugin } from "./serve";

/** The version of the real plugin that this one stands for. */
const VERSION = "1.2.1";

const cancellation = new Cancellation();
const log = new EngineLog(engineAddress(process.argv.slice(2)));
const all = new Resources(new SshConnections(cancellation), log);

function unary<Request, Response>(
  method: (request: Request) => Promise<Response> | Response,
): grpc.handleUnaryCall<Request, Response> {
  return async (call, callback) => {
    try {
      callback(null, await method(call.request));
    } catch (error) {
      callback({ code: grpc.status.UNKNOWN, details: messageOf(error) });
    }
  };
}

function properties(struct: Struct | undefined): PropertyObject {
  return (struct?.toJavaScript() ?? {}) as PropertyObject;
}

function struct(object: PropertyObject): Struct {
  const plain = Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== null));
  return Struct.fromJavaScript(plain as Parameters<typeof Struct.fromJavaScript>[0]);
}

function target(urn: string): Target {
  const [, , types = "", ...name] = urn.split("::");
  const type = types.split("$").at(-1) ?? "";
  if (!(type in resources)) {
    throw new Error(`${type} is not known to the stand-in for the command plugin; use the official plugin for it`);
  }
  return { type: type as ResourceType, urn, name: name.join("::") };
}

const { Kind } = provider.PropertyDiff;
const kinds: Readonly<Record<ChangeKind, readonly [number, number]>> = {
  add: [Kind.ADD, Kind.ADD_REPLACE],
  delete: [Kind.DELETE, Kind.DELETE_REPLACE],
  update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
};

function diff(request: provider.DiffRequest): provider.DiffResponse {
  const { type } = target(request.getUrn());
  const old = all.inputsOf(type, properties(request.getOlds()));
  const changes = diffProperties(old, properties(request.getNews()));
  const response = new provider.DiffResponse();
  const { DIFF_SOME, DIFF_NONE } = provider.DiffResponse.DiffChanges;
  response.setChanges(changes.size > 0 ? DIFF_SOME : DIFF_NONE);
  response.setHasdetaileddiff(true);
  for (const [path, change] of changes) {
    const name = topLevelName(path);
    const replaces = name === "triggers";
    const entry = new provider.PropertyDiff();
    entry.setKind(kinds[change][replaces ? 1 : 0] as provider.PropertyDiff.Kind);
    response.getDetaileddiffMap().set(path, entry);
    if (!response.getDiffsList().includes(name)) response.addDiffs(name);
    if (replaces && !response.getReplacesList().includes(name)) response.addReplaces(name);
  }
  return response;
}

function check(request: provider.CheckRequest): provider.CheckResponse {
  const { type } = target(request.getUrn());
  const { inputs, failures } = all.check(type, properties(request.getNews()));
  const response = new provider.CheckResponse();
  response.setInputs(struct(inputs));
  for (const { property, reason } of failures) {
    const failure = new provider.CheckFailure();
    failure.setProperty(property);
    failure.setReason(reason);
    response.addFailures(failure);
  }
  return response;
}

async function invoke(request: provider.InvokeRequest): Promise<provider.InvokeResponse> {
  if (request.getTok() !== "command:local:run") throw new Error(`unknown function ${request.getTok()}`);
  const { inputs, failures } = checkFields(properties(request.getArgs()), runArguments);
  const [failure] = failures;
  if (failure) throw new Error(`command:local:run, ${failure.property}: ${failure.reason}`);
  const command = `${inputs.command}`;
  const finished = await runLocalCommand(
    command,
    inputs,
    undefined,
    (line) => log.status("", line),
    cancellation.signal,
  );
  await log.flush();
  const response = new provider.InvokeResponse();
  response.setReturn(struct({ ...inputs, ...finished }));
  return response;
}

async function main(): Promise<void> {
  await servePlugin(
    providerGrpc.ResourceProviderService,
    {
      handshake: unary(() => {
        const response = new provider.ProviderHandshakeResponse();
        response.setAcceptSecrets(true);
        response.setAcceptResources(true);
        return response;
      }),
      getPluginInfo: unary(() => {
        const response = new plugin.PluginInfo();
        response.setVersion(VERSION);
        return response;
      }),
      checkConfig: unary((request: provider.CheckRequest) => {
        const response = new provider.CheckResponse();
        response.setInputs(request.getNews());
        return response;
      }),
      diffConfig: unary(() => new provider.DiffResponse()),
      configure: unary(() => {
        const response = new provider.ConfigureResponse();
        response.setAcceptsecrets(true);
        response.setAcceptresources(true);
        response.setSupportspreview(true);
        return response;
      }),
      check: unary(check),
      diff: unary(diff),
      create: unary(async (request: provider.CreateRequest) => {
        const made = await all.create(
          target(request.getUrn()),
          properties(request.getProperties()),
          request.getPreview(),
        );
        const response = new provider.CreateResponse();
        response.setId(made.id);
        response.setProperties(struct(made.state));
        return response;
      }),
      update: unary(async (request: provider.UpdateRequest) => {
        const state = await all.update(
          target(request.getUrn()),
          properties(request.getOlds()),
          properties(request.getNews()),
          request.getPreview(),
        );
        const response = new provider.UpdateResponse();
        response.setProperties(struct(state));
        return response;
      }),
      delete: unary(async (request: provider.DeleteRequest) => {
        await all.delete(target(request.getUrn()), properties(request.getProperties()));
        return new Empty();
      }),
      // Nothing on a machine tells whether a command was run: the state is taken as it is.
      read: unary((request: provider.ReadRequest) => {
        const response = new provider.ReadResponse();
        response.setId(request.getId());
        response.setProperties(request.getProperties());
        response.setInputs(request.getInputs());
        return response;
      }),
      invoke: unary(invoke),
      cancel: unary(() => {
        cancellation.cancel();
        return new Empty();
      }),
    },
    () => {
      cancellation.cancel();
      setTimeout(() => process.exit(0), 5000).unref();
    },
  );
}

void main();
