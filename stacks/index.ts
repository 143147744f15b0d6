import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The declaration of one environment: the default export of `stacks/<stack>.ts`. */
export function loadDeclaration(stack: string): unknown {
  const file = join(__dirname, `${stack}.ts`);
  if (!existsSync(file))
    throw new Error(
      `no cluster is declared for the stack "${stack}": stacks/${stack}.ts does not exist ` +
        `(declared are: ${declaredStacks().join(", ")}); copy one of them to stacks/${stack}.ts, or select another stack`,
    );
  const module: { default?: unknown } = require(file);
  if (module.default === undefined)
    throw new Error(`stacks/${stack}.ts has no default export; export default declareCluster({ … })`);
  return module.default;
}

function declaredStacks(): string[] {
  return readdirSync(__dirname)
    .filter((file) => file.endsWith(".ts") && file !== "index.ts")
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}
