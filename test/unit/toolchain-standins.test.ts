import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { globExpression } from "../../toolchain/standins/command/globs";
import { Output, readLogging } from "../../toolchain/standins/command/output";
import { diffProperties, topLevelName } from "../../toolchain/standins/command/property-diff";
import { equal, type PropertyObject, reveal, secret } from "../../toolchain/standins/command/property-values";
import { parseNodeOptions, splitWords } from "../../toolchain/standins/node-options";

const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), tie("value"), { maxKeys: 3 }),
  ),
})).value;
const objects = fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), values, {
  maxKeys: 4,
}) as fc.Arbitrary<PropertyObject>;

describe("property values", () => {
  it("differ nowhere from themselves, whatever their order, and equal says the same as the difference", () => {
    fc.assert(
      fc.property(objects, objects, (left, right) => {
        const reversed = Object.fromEntries(Object.entries(left).reverse());
        expect(diffProperties(left, reversed).size).toBe(0);
        expect(diffProperties(left, right).size === 0).toBe(equal(left, right));
      }),
    );
  });

  it("are found again below any number of marks of secrets", () => {
    fc.assert(
      fc.property(objects, (object) => {
        expect(reveal(secret({ inner: secret(object) }))).toEqual({ inner: object });
      }),
    );
  });

  it("name a changed path up to a secret and not into it", () => {
    const changes = diffProperties(
      { plain: { a: "1", "b.c": "2" }, hidden: secret({ a: "1" }), list: ["x", { y: "1" }] },
      { plain: { a: "2" }, hidden: secret({ a: "2" }), list: ["x", { y: "2" }, "z"] },
    );
    expect(Object.fromEntries(changes)).toEqual({
      "plain.a": "update",
      'plain["b.c"]': "delete",
      hidden: "update",
      "list[1].y": "update",
      "list[2]": "add",
    });
    expect([...changes.keys()].map(topLevelName)).toEqual(["hidden", "list", "list", "plain", "plain"]);
  });
});

describe("output", () => {
  it("keeps characters whole that come in two chunks, and shows whole lines", () => {
    const lines: string[] = [];
    const output = new Output(readLogging(undefined), (line) => lines.push(line));
    const bytes = Buffer.from("grüße\nzweite");
    output.add("stdout", bytes.subarray(0, 3));
    output.add("stdout", bytes.subarray(3));
    output.end();
    expect(lines).toEqual(["grüße", "zweite"]);
    expect(output.stored("stdout")).toBe("grüße\nzweite");
  });
});

describe("patterns of files", () => {
  it.each([
    ["*.txt", "a.txt", true],
    ["*.txt", "sub/a.txt", false],
    ["**.txt", "sub/a.txt", true],
    ["src/**", "src/a/b", true],
    ["a?c", "abc", true],
    ["a?c", "a/c", false],
    ["[a-c].x", "b.x", true],
    ["[!a-c].x", "b.x", false],
    ["{a,b}.x", "b.x", true],
    ["a.b", "axb", false],
    ["\\*", "*", true],
  ])("%s and %s: %s", (pattern, file, matches) => {
    expect(globExpression(pattern).test(file)).toBe(matches);
  });
});

describe("options of the language host", () => {
  it("splits node arguments as a shell would", () => {
    expect(splitWords(`--a  "b c" 'd "e' f\\ g --h="i j" ''`)).toEqual(["--a", "b c", 'd "e', "f g", "--h=i j", ""]);
    expect(() => splitWords("'open")).toThrow("unclosed '");
  });

  it("has the official defaults and names an option of the wrong type", () => {
    expect(parseNodeOptions({})).toEqual({ typescript: true, tsconfig: "", nodeArguments: [], packageManager: "npm" });
    expect(() => parseNodeOptions({ typescript: "no" })).toThrow(
      'Pulumi.yaml, runtime.options.typescript: got "no"; expected a boolean',
    );
  });
});
