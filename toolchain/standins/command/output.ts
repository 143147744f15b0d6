/** What a command printed: kept for the resource's outputs, for the error text, and shown to the user line by line. */
import { StringDecoder } from "node:string_decoder";
import { Lines } from "./engine-log";

export type Logging = "stdout" | "stderr" | "stdoutAndStderr" | "none";

/** Reads the `logging` input; without one both streams are shown. */
export function readLogging(value: unknown): Logging {
  return value === "stdout" || value === "stderr" || value === "none" ? value : "stdoutAndStderr";
}

/** Collects both streams of one command. */
export class Output {
  readonly #streams = {
    stdout: { text: "", decoder: new StringDecoder("utf8") },
    stderr: { text: "", decoder: new StringDecoder("utf8") },
  };
  #together = "";
  readonly #lines: Lines;
  readonly #shown: Readonly<Record<"stdout" | "stderr", boolean>>;

  /** @param show - called with each line that may be shown */
  constructor(logging: Logging, show: (line: string) => void) {
    this.#lines = new Lines(show);
    this.#shown = { stdout: /stdout/.test(logging), stderr: /stderr/i.test(logging) };
  }

  add(stream: "stdout" | "stderr", chunk: Buffer): void {
    const { decoder } = this.#streams[stream];
    const text = decoder.write(chunk);
    this.#streams[stream].text += text;
    this.#together += text;
    if (this.#shown[stream]) this.#lines.add(text);
  }

  end(): void {
    this.#lines.end();
  }

  /** One stream, without its last line break, as the resource stores it. */
  stored(stream: "stdout" | "stderr"): string {
    return this.#streams[stream].text.replace(/\n$/, "");
  }

  /** Both streams as they came. */
  get together(): string {
    return this.#together;
  }
}

/** Outcome of a command that ended. */
export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The error of a command that failed, worded as the real plugin words it: how it ended, the command, what it printed.
 * Standard input is never part of it.
 */
export function commandError(how: string, command: string, output: Output): Error {
  return new Error(`${how}: running ${JSON.stringify(command)}:\n${output.together}`);
}
