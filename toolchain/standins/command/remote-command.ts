/** `command:remote:Command`: runs a command on a machine by SSH. */
import type { Client, ClientChannel, SFTPWrapper } from "ssh2";
import { readConnection } from "./connection";
import { commandError, type Finished, Output, readLogging } from "./output";
import { type PropertyObject, revealObject } from "./property-values";
import { messageOf, type SshConnections } from "./ssh";

/** How long a cancelled command may take to end after SIGTERM before its channel is closed. */
const CANCEL_GRACE_MILLISECONDS = 3000;

/** What a command needs from the plugin that runs it. */
export interface Surroundings {
  readonly connections: SshConnections;
  /** Shows what the command is doing. */
  readonly status: (line: string) => void;
  /** Shows a line that stays. */
  readonly warn: (line: string) => void;
}

/**
 * Runs one command.
 *
 * @param inputs - checked inputs of the resource
 * @param previous - what the resource's former command printed, for PULUMI_COMMAND_STDOUT and PULUMI_COMMAND_STDERR
 * @throws when the machine cannot be reached, or the command ends with another status than 0
 */
export async function runRemoteCommand(
  command: string,
  inputs: PropertyObject,
  previous: Finished | undefined,
  { connections, status, warn }: Surroundings,
): Promise<Finished> {
  const plain = revealObject(inputs);
  const stdin = typeof plain.stdin === "string" ? plain.stdin : "";
  return connections.use(readConnection(inputs.connection), status, async (client) => {
    const environment: Record<string, string> = {};
    for (const [name, value] of Object.entries(revealObject(plain.environment))) {
      if (!(await acceptsVariable(client, name))) {
        throw new Error(`could not set environment variable ${JSON.stringify(name)}: ${refused(name)}`);
      }
      environment[name] = `${value}`;
    }
    if (plain.addPreviousOutputInEnv !== false) {
      for (const [name, value] of previousOutput(previous)) {
        if (await acceptsVariable(client, name)) environment[name] = value;
        else warn(refused(name));
      }
    }
    const output = new Output(readLogging(plain.logging), status);
    await execute(client, command, { stdin, environment, output, cancelled: connections.cancellation.signal });
    return { stdout: output.stored("stdout"), stderr: output.stored("stderr") };
  });
}

function previousOutput(previous: Finished | undefined): [string, string][] {
  const both: [string, string][] = [
    ["PULUMI_COMMAND_STDOUT", previous?.stdout ?? ""],
    ["PULUMI_COMMAND_STDERR", previous?.stderr ?? ""],
  ];
  return both.filter(([, value]) => value !== "");
}

function refused(name: string): string {
  return (
    `Unable to set '${name}': the SSH server does not accept it (AcceptEnv in sshd_config). ` +
    "Put the variable before the command instead: 'VAR=value command'"
  );
}

const accepted = new WeakMap<Client, Map<string, Promise<boolean>>>();

/** The form of `sftp` that @types/ssh2 does not know. */
interface SftpWithEnvironment {
  sftp(environment: Record<string, string>, callback: (error: Error | undefined, sftp?: SFTPWrapper) => void): void;
}

/** Asks the server once per connection: ssh2 tells whether a variable was accepted only for its sftp channels. */
function acceptsVariable(client: Client, name: string): Promise<boolean> {
  const known = accepted.get(client) ?? new Map<string, Promise<boolean>>();
  accepted.set(client, known);
  const before = known.get(name);
  if (before) return before;
  const answer = new Promise<boolean>((resolve) => {
    (client as unknown as SftpWithEnvironment).sftp({ [name]: "" }, (error, sftp) => {
      sftp?.end();
      resolve(!(error && /Unable to set environment/.test(error.message)));
    });
  });
  known.set(name, answer);
  return answer;
}

interface Execution {
  readonly stdin: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly output: Output;
  readonly cancelled: AbortSignal;
}

function execute(client: Client, command: string, execution: Execution): Promise<void> {
  const { stdin, environment, output, cancelled } = execution;
  cancelled.throwIfAborted();
  return new Promise((resolve, reject) => {
    client.exec(command, { env: environment }, (error, channel) => {
      if (error) {
        reject(new Error(`ssh: no session: ${error.message}`));
        return;
      }
      // Listened to from here on, not after an await: a short command's end comes with the same packet as this.
      watch(channel, output, cancelled, (how) => {
        output.end();
        if (how === undefined) resolve();
        else reject(commandError(how, command, output));
      });
      channel.end(stdin);
    });
  });
}

/** @param onEnd - called once, with how the command failed, or undefined when it did not */
function watch(
  channel: ClientChannel,
  output: Output,
  cancelled: AbortSignal,
  onEnd: (how: string | undefined) => void,
): void {
  let how: string | undefined = "the connection was lost before the command ended";
  let forced: NodeJS.Timeout | undefined;
  const finish = () => {
    clearTimeout(forced);
    cancelled.removeEventListener("abort", stop);
    onEnd(cancelled.aborted ? messageOf(cancelled.reason) : how);
  };
  const stop = () => {
    terminate(channel);
    forced = setTimeout(() => {
      channel.removeAllListeners("close");
      channel.destroy();
      finish();
    }, CANCEL_GRACE_MILLISECONDS);
  };
  cancelled.addEventListener("abort", stop, { once: true });
  channel.on("data", (chunk: Buffer) => output.add("stdout", chunk));
  channel.stderr.on("data", (chunk: Buffer) => output.add("stderr", chunk));
  channel.on("error", (error: Error) => {
    how = error.message;
  });
  channel.on("exit", (code: number | null, signal?: string) => {
    if (code === 0) how = undefined;
    else if (code === null) how = `Process exited from signal ${`${signal}`.replace(/^SIG/, "")}`;
    else how = `Process exited with status ${code}`;
  });
  channel.once("close", finish);
}

/** Sends SIGTERM to the command. `channel.signal` of ssh2 does nothing once standard input has ended. */
function terminate(channel: ClientChannel): void {
  const { outgoing, _client } = channel as unknown as {
    outgoing: { id: number };
    _client: { _protocol: { signal(id: number, name: string): void } };
  };
  _client._protocol.signal(outgoing.id, "TERM");
}
