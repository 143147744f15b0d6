/** Which lab the commands mean: that of the stack that is named, or of stacks/lab.ts. */
import { loadDeclaration } from "../../stacks";

/** Takes `-s STACK` or `--stack STACK` out of a command's words; default "lab". */
export function takeStack(words: readonly string[]): { stack: string; rest: string[] } {
  const at = words.findIndex((word) => word === "-s" || word === "--stack");
  const stack = words[at + 1];
  if (at < 0) return { stack: "lab", rest: [...words] };
  if (stack === undefined) throw new Error(`${words[at]}: the name of a stack is missing`);
  return { stack, rest: [...words.slice(0, at), ...words.slice(at + 2)] };
}

/** The name of the cluster that a stack declares; its machines carry it. */
export function clusterOfStack(stack: string): string {
  const { name, platform } = loadDeclaration(stack) as { name?: unknown; platform?: { kind?: unknown } };
  if (typeof name !== "string") throw new Error(`stacks/${stack}.ts: its default export has no name`);
  if (platform?.kind !== "lab")
    throw new Error(`stacks/${stack}.ts: its platform is not "lab"; only lab machines are on this host`);
  return name;
}
