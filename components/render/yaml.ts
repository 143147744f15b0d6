import { Document, visit } from "yaml";

/** What a YAML file can hold here: JSON's values. `undefined` members are left out. */
export type YamlValue =
  | string
  | number
  | boolean
  | null
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue | undefined };

/**
 * Writes a YAML document: keys sorted, every string in double quotes, so that no reader takes `on`, `1e3` or `12:30` for
 * anything but text (Patroni reads YAML 1.1, where all three are something else). `comment` goes to the top, one `#` line
 * for each of its lines. Ends with a newline.
 * @throws Error for what no configuration should hold: numbers that are not finite, exotic line breaks, control
 * characters, and the merge key `<<`.
 */
export function renderYaml(value: YamlValue, comment = ""): string {
  const document = new Document(value, {
    sortMapEntries: true,
    version: "1.1",
    merge: false,
    aliasDuplicateObjects: false,
  });
  visit(document, {
    Scalar: (key, node) => {
      if (typeof node.value === "number" && !Number.isFinite(node.value))
        throw new Error(`YAML: a number must be finite, got ${node.value}`);
      if (typeof node.value !== "string") return;
      // YAML 1.1 counts such characters among line breaks or forbids them, and `<<` merges; no configuration needs them.
      if (node.value === "<<" || /[\u007f-\u009f\u2028\u2029\ufeff]/.test(node.value))
        throw new Error(`YAML: YAML 1.1 does not carry ${JSON.stringify(node.value)}`);
      if (key !== "key" || !/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(node.value)) node.type = "QUOTE_DOUBLE";
    },
  });
  const text = document.toString({ directives: false, lineWidth: 0 });
  const head =
    comment === ""
      ? ""
      : `${comment
          .split("\n")
          .map((line) => `# ${line}`.trimEnd())
          .join("\n")}\n`;
  return head + text;
}
