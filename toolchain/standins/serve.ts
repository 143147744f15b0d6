/**
 * What every plugin process of the Pulumi engine does alike: serve gRPC on a free loopback port, print that port as the
 * first line of standard output, and end when the engine ends.
 */
import * as grpc from "@grpc/grpc-js";

/** Messages carry whole resource states; the engine's own limit is 400 MiB (sdk/go/common/util/rpcutil). */
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;

/** How often a plugin looks whether the engine that started it is still there. */
const PARENT_CHECK_MILLISECONDS = 1000;

/** Options that both sides of a connection to the engine need. */
export const channelOptions: grpc.ChannelOptions = {
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
};

/**
 * Serves one gRPC service the way the engine expects of a plugin that it starts.
 *
 * @param definition - the service, from `@pulumi/pulumi/proto`
 * @param implementation - its methods; a method that is missing answers UNIMPLEMENTED, which the engine takes as "not supported"
 * @param onOrphaned - called once when the engine is gone without having stopped this process; by default the process ends
 */
export async function servePlugin(
  definition: grpc.ServiceDefinition,
  implementation: grpc.UntypedServiceImplementation,
  onOrphaned: () => void = () => process.exit(0),
): Promise<void> {
  const server = new grpc.Server(channelOptions);
  server.addService(definition, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  watchParent(onOrphaned);
  process.stdout.write(`${port}\n`);
}

/**
 * Calls `onOrphaned` once the process that started this one has ended. The engine puts plugins into process groups of
 * their own, so a plugin of a killed engine would otherwise stay for ever.
 */
export function watchParent(onOrphaned: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onOrphaned();
  }, PARENT_CHECK_MILLISECONDS);
  timer.unref();
}

/** The positional arguments that the engine gave, without its flags (`-tracing URL`, `--logtostderr` and the like). */
export function engineAddress(argv: readonly string[]): string {
  const last = argv.at(-1);
  if (last === undefined || last.startsWith("-")) {
    throw new Error("no engine address: this program is started by the Pulumi engine, not by hand");
  }
  return last;
}
