/** What goes through one SSH connection: commands, programs that stay open, and TCP streams. */
import type { Duplex } from "node:stream";
import type { Client, ClientChannel } from "ssh2";
import { bounded, messageOf, OperateError } from "./errors";

/** Default limit of one command, in ms. */
export const EXEC_TIMEOUT_MS = 10_000;
/** Limit for a TCP stream to be open, in ms. */
const STREAM_TIMEOUT_MS = 3000;

export interface ExecOptions {
  /** Text for the command's standard input; the place for anything secret. */
  readonly stdin?: string;
  /** Limit in ms, default 10 s. The channel is closed and the command gets SIGHUP/SIGPIPE when it is over. */
  readonly timeoutMs?: number;
  /** Name of the step for errors; default: the command's first word. */
  readonly step?: string;
}

export interface ExecResult {
  /** Exit status; -1 when a signal ended the command or the connection broke. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program on a machine that stays open: lines in, lines out. */
export interface LineSession {
  /** Sends one line (the newline is added). */
  send(line: string): void;
  /** The next line of its output; rejects when the time is over or the program ended. */
  next(timeoutMs: number, step: string): Promise<string>;
  /** Ends it: closes its standard input and the channel. */
  close(): void;
}

/** Name of the step for errors: as given, or the command's first word. */
export function stepOf(command: string, options: ExecOptions): string {
  return options.step ?? command.split(/\s/, 1)[0] ?? "command";
}

function openChannel(where: string, client: Client, command: string, step: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const broken = (error: unknown) =>
      reject(
        new OperateError(where, step, messageOf(error), "The SSH connection is gone; run it again", { cause: error }),
      );
    const onClose = () => broken(new Error("the connection was closed"));
    client.once("close", onClose);
    try {
      client.exec(command, (error, channel) => {
        client.off("close", onClose);
        if (error) broken(error);
        else resolve(channel);
      });
    } catch (error) {
      broken(error);
    }
  });
}

/** Runs a command; any exit status is a result. */
export async function execOn(
  where: string,
  client: Client,
  command: string,
  options: ExecOptions,
): Promise<ExecResult> {
  const step = stepOf(command, options);
  const timeoutMs = options.timeoutMs ?? EXEC_TIMEOUT_MS;
  let channel: ClientChannel | undefined;
  const work = async (): Promise<ExecResult> => {
    channel = await openChannel(where, client, command, step);
    const opened = channel;
    return new Promise((resolve, reject) => {
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      opened.on("data", (data: Buffer) => out.push(data));
      opened.stderr.on("data", (data: Buffer) => err.push(data));
      opened.on("error", reject);
      // The status is taken from "close", which repeats it: "exit" may have been emitted before anyone could listen.
      opened.on("close", (code?: number | null) =>
        resolve({ code: code ?? -1, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
      );
      // Not `end()`: with both directions ended Node destroys the stream, ssh2 then closes the channel, and the exit
      // status that sshd sends a moment later may be lost.
      opened.write(options.stdin ?? "", () => sendEof(opened));
    });
  };
  const late = () =>
    new OperateError(where, step, `not done within ${timeoutMs / 1000} s`, "Look at the machine's load and journal");
  return bounded(work(), timeoutMs, late, () => channel?.destroy());
}

/** Tells the command that its input is over, and keeps the channel open for its output and exit status. */
function sendEof(channel: ClientChannel): void {
  (channel as ClientChannel & { eof(): void }).eof();
}

/** Opens a program that is talked to line by line. */
export async function openOn(where: string, client: Client, command: string, step: string): Promise<LineSession> {
  const channel = await openChannel(where, client, command, step);
  const lines: string[] = [];
  let rest = "";
  let stderr = "";
  let ended: Error | undefined;
  let wake: (() => void) | undefined;
  channel.on("data", (data: Buffer) => {
    const parts = (rest + data.toString()).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    wake?.();
  });
  channel.stderr.on("data", (data: Buffer) => {
    stderr = (stderr + data.toString()).slice(-2000);
  });
  const end = (error?: Error) => {
    ended ??=
      error ?? new Error(`the program ended${stderr ? `: ${stderr.trim().split("\n").slice(-3).join("; ")}` : ""}`);
    wake?.();
  };
  channel.on("error", end);
  channel.on("close", () => end());
  return {
    send: (line) => void channel.write(`${line}\n`),
    next: (timeoutMs, what) => {
      const take = async (): Promise<string> => {
        for (;;) {
          const line = lines.shift();
          if (line !== undefined) return line;
          if (ended) throw new OperateError(where, what, messageOf(ended), "See the journal on that machine");
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      };
      const late = () =>
        new OperateError(
          where,
          what,
          `no answer within ${timeoutMs / 1000} s`,
          "Look at the machine's load and journal",
        );
      return bounded(take(), timeoutMs, late);
    },
    close: () => {
      channel.end();
      channel.destroy();
    },
  };
}

/** Opens a TCP stream from the machine to host:port. */
export function forwardFrom(where: string, client: Client, host: string, port: number): Promise<Duplex> {
  const step = `opening a stream to ${host}:${port}`;
  const opened = new Promise<Duplex>((resolve, reject) => {
    const fail = (error: unknown) =>
      reject(new OperateError(where, step, messageOf(error), "Check that the service runs there", { cause: error }));
    try {
      client.forwardOut("127.0.0.1", 0, host, port, (error, channel) => (error ? fail(error) : resolve(channel)));
    } catch (error) {
      fail(error);
    }
  });
  const late = () => new OperateError(where, step, "no answer within 3 s", "Check that the service runs there");
  return bounded(opened, STREAM_TIMEOUT_MS, late);
}
