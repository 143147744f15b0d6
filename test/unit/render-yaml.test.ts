import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { renderYaml, type YamlValue } from "../../components/render/yaml";

/** As Patroni reads it: PyYAML speaks YAML 1.1. */
const read = (text: string) => parse(text, { version: "1.1" });

/** Strings of every kind that a YAML reader might take for something else, beside arbitrary ones. */
const text = fc.oneof(
  fc.constantFrom("on", "No", "y", "~", "null", "1e3", "0777", "12:30", "1_000", "=", "", " a ", "a: b", "# a", "- a"),
  fc.string({ unit: fc.constantFrom(..."abcé\"'\\:#-{}[],&*!|>%@` \n\t😀") }),
);
const key = fc.oneof(
  fc.constantFrom("on", "no", "n", "1", "null", "a b", "a:b", "=", "1e3"),
  fc.stringMatching(/^[a-z][a-z._-]{0,8}$/),
);
const value = fc.letrec<{ node: YamlValue }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("node"), { maxLength: 4 }),
    fc.dictionary(key, tie("node"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).node;

describe("YAML", () => {
  it("is read back as what was written", () => {
    fc.assert(
      fc.property(value, (written) => {
        expect(read(renderYaml(written))).toEqual(written);
      }),
    );
  });

  it("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(fc.dictionary(key, text), (written) => {
        const reversed = Object.fromEntries(Object.entries(written).reverse());
        expect(renderYaml(reversed)).toBe(renderYaml(written));
      }),
    );
  });

  it("quotes every string, leaves out what is undefined, and comments line by line", () => {
    expect(renderYaml({ b: "on", a: [1, "x"], c: undefined }, "one\n\ntwo")).toBe(
      '# one\n#\n# two\na:\n  - 1\n  - "x"\nb: "on"\n',
    );
  });

  it("writes the same list twice in full, not as an alias", () => {
    const same = ["x"];
    expect(renderYaml({ a: same, b: same })).not.toMatch(/[&*]/);
  });

  it("refuses what YAML 1.1 would read differently", () => {
    expect(() => renderYaml({ a: "x\u2028y" })).toThrow("not carry");
    expect(() => renderYaml({ a: "x\u0085" })).toThrow("not carry");
    expect(() => renderYaml({ "<<": "x" })).toThrow("not carry");
    expect(() => renderYaml(["<<"])).toThrow("not carry");
    expect(() => renderYaml({ a: Number.NaN })).toThrow("finite");
  });
});
