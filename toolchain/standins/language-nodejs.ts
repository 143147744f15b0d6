/**
 * Stand-in for `pulumi-language-nodejs`, the Node.js language host that the official CLI download brings.
 *
 * The engine starts it, asks which plugins the program needs, and has it run the program. The program's SDK talks to the
 * engine directly; the host only starts it with the right arguments and says how it ended.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import * as grpc from "@grpc/grpc-js";
import * as languageGrpc from "@pulumi/pulumi/proto/language_grpc_pb";
import * as language from "@pulumi/pulumi/proto/language_pb";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { parseNodeOptions } from "./node-options";
import { requiredPackages } from "./required-packages";
import { engineAddress, servePlugin } from "./serve";

/** The SDK ends the program with this code when it has already told the user what is wrong. */
const EXIT_CODE_ALREADY_REPORTED = 32;

/** How long a program may take to end after an interrupt, before it is killed. The official host waits as long. */
const INTERRUPT_GRACE_MILLISECONDS = 5000;

let engine = "";
const programs = new Set<ChildProcess>();

type Unary<Request, Response> = grpc.handleUnaryCall<Request, Response>;

/** Turns an async function into a gRPC method; what it throws becomes the error that the user sees. */
function unary<Request, Response>(method: (request: Request) => Promise<Response>): Unary<Request, Response> {
  return (call, callback) => {
    method(call.request).then(
      (response) => callback(null, response),
      (error: unknown) =>
        callback({ code: grpc.status.UNKNOWN, details: error instanceof Error ? error.message : `${error}` }),
    );
  };
}

function options(info: language.ProgramInfo | undefined) {
  return parseNodeOptions(info?.getOptions()?.toJavaScript() ?? {});
}

/** The arguments of `@pulumi/pulumi/cmd/run`, in the order of the official host. */
function runArguments(request: language.RunRequest, info: language.ProgramInfo): string[] {
  const named: [string, string][] = [
    ["monitor", request.getMonitorAddress()],
    ["engine", engine],
    ["organization", request.getOrganization()],
    ["project", request.getProject()],
    ["root-directory", info.getRootDirectory()],
    ["stack", request.getStack()],
    ["pwd", info.getProgramDirectory()],
  ];
  return [
    ...named.filter(([, value]) => value !== "").flatMap(([name, value]) => [`--${name}`, value]),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    "--parallel",
    `${request.getParallel()}`,
    info.getEntryPoint() || ".",
    ...request.getArgsList(),
  ];
}

function runEnvironment(request: language.RunRequest): NodeJS.ProcessEnv {
  const config = Object.fromEntries(request.getConfigMap().entries());
  const { typescript, tsconfig } = options(request.getInfo());
  return {
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(config),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    ...(typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
    ...(tsconfig ? { PULUMI_NODEJS_TSCONFIG_PATH: tsconfig } : {}),
  };
}

function locateRunner(programDirectory: string): string {
  const wanted = process.env.PULUMI_LANGUAGE_NODEJS_RUN_PATH || "@pulumi/pulumi/cmd/run";
  if (path.isAbsolute(wanted)) return wanted;
  try {
    return createRequire(path.join(programDirectory, "index.js")).resolve(wanted);
  } catch {
    throw new Error(
      `the Pulumi SDK is not installed: ${wanted} not found from ${programDirectory}; run \`npm ci\` there`,
    );
  }
}

async function run(request: language.RunRequest): Promise<language.RunResponse> {
  const info = request.getInfo();
  if (!info) throw new Error("the engine sent no program information: its version is older than 3.100");
  const args = [
    ...options(info).nodeArguments,
    ...(request.getAttachDebugger() ? ["--inspect-brk"] : []),
    locateRunner(info.getProgramDirectory()),
    ...runArguments(request, info),
  ];
  const response = new language.RunResponse();
  const ended = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    const program = spawn("node", args, { stdio: ["ignore", "inherit", "inherit"], env: runEnvironment(request) });
    programs.add(program);
    program.on("error", (error) => reject(new Error(`node could not be started: ${error.message}`)));
    program.on("close", (code, signal) => {
      programs.delete(program);
      resolve({ code, signal });
    });
  });
  if (ended.code === EXIT_CODE_ALREADY_REPORTED) response.setBail(true);
  else if (ended.signal) response.setError(`Program was ended by signal ${ended.signal}`);
  else if (ended.code !== 0) response.setError(`Program exited with non-zero exit code: ${ended.code}`);
  return response;
}

function stopPrograms(): void {
  for (const program of programs) {
    program.kill("SIGINT");
    setTimeout(() => program.kill("SIGKILL"), INTERRUPT_GRACE_MILLISECONDS).unref();
  }
}

async function listRequiredPackages(
  request: language.GetRequiredPackagesRequest,
): Promise<language.GetRequiredPackagesResponse> {
  const found = requiredPackages(request.getInfo()?.getProgramDirectory() ?? process.cwd());
  const response = new language.GetRequiredPackagesResponse();
  response.setPackagesList(
    found.map(({ name, version, server }) => {
      const dependency = new plugin.PackageDependency();
      dependency.setName(name);
      dependency.setKind("resource");
      dependency.setVersion(version);
      if (server !== undefined) dependency.setServer(server);
      return dependency;
    }),
  );
  return response;
}

async function about(request: language.AboutRequest): Promise<language.AboutResponse> {
  const response = new language.AboutResponse();
  response.setExecutable(process.execPath);
  response.setVersion(process.version);
  response.getMetadataMap().set("packagemanager", options(request.getInfo()).packageManager);
  return response;
}

async function programDependencies(
  request: language.GetProgramDependenciesRequest,
): Promise<language.GetProgramDependenciesResponse> {
  const directory = request.getInfo()?.getProgramDirectory() ?? process.cwd();
  const manifest = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"));
  const lock = JSON.parse(fs.readFileSync(path.join(directory, "package-lock.json"), "utf8"));
  const direct = new Set(Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }));
  const response = new language.GetProgramDependenciesResponse();
  for (const [place, entry] of Object.entries<{ version?: string }>(lock.packages ?? {})) {
    const name = place.split("node_modules/").at(-1);
    if (!name || !entry.version || !(request.getTransitivedependencies() || direct.has(name))) continue;
    const dependency = new language.DependencyInfo();
    dependency.setName(name);
    dependency.setVersion(entry.version);
    response.addDependencies(dependency);
  }
  return response;
}

function installDependencies(
  call: grpc.ServerWritableStream<language.InstallDependenciesRequest, language.InstallDependenciesResponse>,
): void {
  const { packageManager } = options(call.request.getInfo());
  const directory = call.request.getInfo()?.getProgramDirectory() || call.request.getDirectory();
  const child = execFile(packageManager, ["install"], { cwd: directory });
  child.stdout?.on("data", (text: string) => {
    const response = new language.InstallDependenciesResponse();
    response.setStdout(Buffer.from(text));
    call.write(response);
  });
  child.stderr?.on("data", (text: string) => {
    const response = new language.InstallDependenciesResponse();
    response.setStderr(Buffer.from(text));
    call.write(response);
  });
  child.on("error", (error) => call.emit("error", { code: grpc.status.UNKNOWN, details: error.message }));
  child.on("close", (code) => {
    if (code === 0) call.end();
    else call.emit("error", { code: grpc.status.UNKNOWN, details: `${packageManager} install ended with ${code}` });
  });
}

async function main(): Promise<void> {
  engine = engineAddress(process.argv.slice(2));
  await servePlugin(
    languageGrpc.LanguageRuntimeService,
    {
      handshake: unary(async (request: language.LanguageHandshakeRequest) => {
        engine = request.getEngineAddress() || engine;
        return new language.LanguageHandshakeResponse();
      }),
      getPluginInfo: unary(async () => {
        const response = new plugin.PluginInfo();
        response.setVersion(require("@pulumi/pulumi/package.json").version);
        return response;
      }),
      getRequiredPackages: unary(listRequiredPackages),
      run: unary(run),
      about: unary(about),
      getProgramDependencies: unary(programDependencies),
      installDependencies,
      cancel: unary(async () => {
        stopPrograms();
        return new Empty();
      }),
    },
    () => {
      stopPrograms();
      setTimeout(() => process.exit(0), programs.size > 0 ? INTERRUPT_GRACE_MILLISECONDS : 0);
    },
  );
}

void main();
