/** The `runtime.options` of Pulumi.yaml that concern a Node.js program. */
export interface NodeOptions {
  /** Let the SDK compile the program with ts-node. Default: true, as the official host does. */
  readonly typescript: boolean;
  /** Path of a tsconfig for ts-node, or empty. */
  readonly tsconfig: string;
  /** Arguments for `node` itself, before the program. */
  readonly nodeArguments: readonly string[];
  /** Program that installs dependencies. Default: npm. */
  readonly packageManager: string;
}

/**
 * Reads the options as the official host does.
 *
 * @throws when an option has the wrong type, naming it
 */
export function parseNodeOptions(raw: Readonly<Record<string, unknown>>): NodeOptions {
  return {
    typescript: typed(raw, "typescript", "boolean", true),
    tsconfig: typed(raw, "tsconfig", "string", ""),
    nodeArguments: splitWords(typed(raw, "nodeargs", "string", "")),
    packageManager: typed(raw, "packagemanager", "string", "npm"),
  };
}

function typed<T extends string | boolean>(
  raw: Readonly<Record<string, unknown>>,
  name: string,
  type: "string" | "boolean",
  fallback: T,
): T {
  const value = raw[name];
  if (value === undefined || value === null) return fallback;
  if (typeof value !== type) {
    throw new Error(`Pulumi.yaml, runtime.options.${name}: got ${JSON.stringify(value)}; expected a ${type}`);
  }
  return value as T;
}

/** Splits a command line into words as a POSIX shell would, with quotes and backslashes but without expansion. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: "'" | '"' | undefined;
  for (let index = 0; index < line.length; index++) {
    const character = line.charAt(index);
    if (quote === undefined && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word ??= "";
    if (quote === undefined && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = undefined;
    else if (character === "\\" && quote !== "'" && index + 1 < line.length) word += line.charAt(++index);
    else word += character;
  }
  if (quote !== undefined) throw new Error(`Pulumi.yaml, runtime.options.nodeargs: unclosed ${quote} in ${line}`);
  if (word !== undefined) words.push(word);
  return words;
}
