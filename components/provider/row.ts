/**
 * Lines that a dynamic resource's provider shows on its resource's own row of Pulumi's display. What it writes to standard
 * error instead, the engine shows on the stack's row, among the errors of whatever else runs in that process.
 */
import * as grpc from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

/** Lines that arrive in the order in which they were given. A line that cannot be shown fails nothing. */
export class Row {
  private readonly engine: EngineClient | undefined;
  private last: Promise<void> = Promise.resolve();

  /** @param urn The resource's. Not known, or no engine: the lines go to standard error. */
  constructor(private readonly urn: string | undefined) {
    // The engine starts every provider with its own address as the first argument.
    const address = process.argv[2];
    if (urn !== undefined && address !== undefined && /^[^/]+:\d+$/.test(address))
      this.engine = new EngineClient(address, grpc.credentials.createInsecure());
  }

  /** A line that stays: it is listed again at the end. */
  say(line: string): void {
    this.send(line, false);
  }

  /** What is happening right now; the next line takes its place. */
  show(line: string): void {
    this.send(line, true);
  }

  /** Returns when everything has arrived. */
  async close(): Promise<void> {
    await this.last;
    this.engine?.close();
  }

  private send(line: string, ephemeral: boolean): void {
    const { engine, urn } = this;
    if (engine === undefined || urn === undefined) {
      console.error(line);
      return;
    }
    const request = new LogRequest();
    request.setSeverity(LogSeverity.INFO);
    request.setUrn(urn);
    request.setMessage(line);
    request.setEphemeral(ephemeral);
    this.last = this.last.then(() => new Promise((resolve) => engine.log(request, () => resolve())));
  }
}
