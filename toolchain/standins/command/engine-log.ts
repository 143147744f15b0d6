/** Lines that a plugin shows to the user, through the engine. */
import * as grpc from "@grpc/grpc-js";
import * as engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb";
import * as engineProto from "@pulumi/pulumi/proto/engine_pb";
import { channelOptions } from "../serve";

export type Severity = "debug" | "info" | "warning" | "error";

const severities = {
  debug: engineProto.LogSeverity.DEBUG,
  info: engineProto.LogSeverity.INFO,
  warning: engineProto.LogSeverity.WARNING,
  error: engineProto.LogSeverity.ERROR,
} as const;

/** The log of the engine that started this plugin. Lines arrive in the order in which they were given. */
export class EngineLog {
  readonly #client: engineGrpc.EngineClient;
  #last: Promise<void> = Promise.resolve();

  constructor(address: string) {
    this.#client = new engineGrpc.EngineClient(address, grpc.credentials.createInsecure(), channelOptions);
  }

  /** A line that stays, below the resource in the list of diagnostics. */
  line(severity: Severity, urn: string, message: string): void {
    this.#send(severity, urn, message, false);
  }

  /** A line that shows what the resource is doing right now and is gone with the next one. */
  status(urn: string, message: string): void {
    this.#send("info", urn, message, true);
  }

  /** Resolves once everything that was given has reached the engine. */
  flush(): Promise<void> {
    return this.#last;
  }

  #send(severity: Severity, urn: string, message: string, ephemeral: boolean): void {
    const request = new engineProto.LogRequest();
    request.setSeverity(severities[severity]);
    request.setUrn(urn);
    request.setMessage(message);
    request.setEphemeral(ephemeral);
    this.#last = this.#last.then(
      // A line that cannot be shown must not fail the command that wrote it.
      () => new Promise((resolve) => this.#client.log(request, () => resolve())),
    );
  }
}

/** Splits chunks of output into lines. */
export class Lines {
  #rest = "";

  constructor(readonly onLine: (line: string) => void) {}

  add(chunk: string): void {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.onLine(line.replace(/\r$/, ""));
  }

  end(): void {
    if (this.#rest !== "") this.onLine(this.#rest);
    this.#rest = "";
  }
}
