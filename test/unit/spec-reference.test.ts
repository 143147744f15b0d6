/** docs/reference says what the schema says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import table from "../../components/spec/parameters/17.json";
import type { ParameterTableFile } from "../../components/spec/parameters/table";
import { clusterSchema } from "../../components/spec/schema";
import { parameterTypes } from "../../toolchain/generate/parameter-types";
import { referencePages, schemaFields } from "../../toolchain/generate/reference";

const ROOT = join(__dirname, "..", "..");
const fields = schemaFields();

describe("the reference", () => {
  it.each(Object.entries(referencePages()))("%s is not stale (`npm run docs` writes it)", (path, text) => {
    expect(readFileSync(join(ROOT, path), "utf8")).toBe(text);
  });

  it("has every field of the schema", () => {
    const documented = fields.map(({ path, variant }) => `${variant ?? ""} ${path}`);
    expect(documented).toEqual(expect.arrayContaining(pathsOf(clusterSchema)));
    expect(documented).toHaveLength(pathsOf(clusterSchema).length);
  });

  it("says something of every field, and its default where the schema has a plain one", () => {
    for (const { path, doc } of fields) expect(doc, path).toMatch(/^\S.*[.…]$/);
    const defaults = plainDefaults(clusterSchema);
    expect(Object.keys(defaults).length).toBeGreaterThan(10);
    for (const [path, value] of Object.entries(defaults)) {
      const doc = fields.find((field) => `${field.variant ?? ""} ${field.path}` === path)?.doc ?? "";
      expect(doc, path).toMatch(new RegExp(`Default:? ["\`]?${String(value)}["\`]?[.,]`));
    }
  });
});

describe("the types of PostgreSQL's parameters", () => {
  it("are those of the table (toolchain/generate/parameters.ts writes them)", () => {
    const written = readFileSync(join(ROOT, "components/spec/parameters/names-17.ts"), "utf8");
    const made = parameterTypes(17, table as ParameterTableFile);
    // The formatter breaks long lines, and begins them with a bar.
    const bare = (text: string) => text.replaceAll(/\s/g, "").replaceAll(":|", ":");
    // Not the texts themselves: a difference would be shown in full, twice 40 kB.
    expect(bare(written) === bare(made)).toBe(true);
  });
});

/** Every place of the schema: `variant path`. */
function pathsOf(schema: unknown): string[] {
  return walk(schema as Node, "", "").map(({ variant, path }) => `${variant} ${path}`);
}

function plainDefaults(schema: unknown): Record<string, unknown> {
  const plain = walk(schema as Node, "", "").filter(({ value }) =>
    ["string", "number", "boolean"].includes(typeof value),
  );
  return Object.fromEntries(plain.map(({ variant, path, value }) => [`${variant} ${path}`, value]));
}

interface Node {
  readonly _zod: { readonly def: Record<string, unknown> & { readonly type: string } };
}
interface Place {
  readonly variant: string;
  readonly path: string;
  /** Its default. */
  readonly value: unknown;
}

function walk(node: Node, path: string, variant: string): Place[] {
  const { def } = node._zod;
  if ("innerType" in def) return walk(def.innerType as Node, path, variant);
  if (def.type === "record") return walk(def.valueType as Node, `${path}.*`, variant);
  if (def.type === "array") return walk(def.element as Node, `${path}[]`, variant);
  if (def.type === "union")
    return (def.options as Node[]).flatMap((option) =>
      walk(option, path, "discriminator" in def ? kindOf(option) : variant),
    );
  if (def.type !== "object") return [];
  return Object.entries(def.shape as Record<string, Node>).flatMap(([name, child]) => {
    const own = path === "" ? name : `${path}.${name}`;
    return [{ variant, path: own, value: child._zod.def.defaultValue }, ...walk(child, own, variant)];
  });
}

function kindOf(option: Node): string {
  const { kind } = option._zod.def.shape as { readonly kind: Node };
  return String((kind._zod.def.values as string[])[0]);
}
