/** The checks that are not tests: style, types, shell scripts. */
import { spawnSync } from "node:child_process";

function passes(program: string, args: readonly string[]): boolean {
  const ended = spawnSync(program, args, { stdio: "inherit" });
  if (ended.error) process.stderr.write(`${program}: ${ended.error.message}\n`);
  return ended.status === 0;
}

/** Formatting and lint rules of biome.json; warnings fail too. `--fix` puts right what can be put right. */
export function lint(args: readonly string[]): boolean {
  const fix = args.includes("--fix") ? ["--write"] : [];
  return passes("biome", ["check", "--error-on-warnings", ...fix, ...args.filter((argument) => argument !== "--fix")]);
}

/** The TypeScript compiler on the whole repository. tsx, which runs it, looks at no types. */
export function typeCheck(): boolean {
  return passes("tsc", ["--project", "."]);
}
