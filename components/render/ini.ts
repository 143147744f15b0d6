/** One line of an ini section: `key = value`, or a directive of its own such as PgBouncer's `%include FILE`. */
export type IniLine = readonly [key: string, value: string | number | boolean] | { readonly directive: string };

export interface IniSection {
  /** Without a name, at the beginning of an included file: the lines go on with the section that includes it. */
  readonly name?: string;
  readonly lines: readonly IniLine[];
}

const KEY = /^(\*|"(?:[^"\n]|"")+"|[A-Za-z0-9_.-]+)$/;

/**
 * Writes an ini file as PgBouncer reads it: a value runs to the end of its line, with the white space around it cut, and
 * knows no quotes or comments of its own. Sections and lines stay in the given order, which has a meaning where a file is
 * included. Booleans are written as 1 and 0.
 *
 * Throws on what the format cannot carry: a line break, white space at the ends of a value, an empty value (PgBouncer 1.24
 * takes the next line for it), a key with other characters than letters, digits, `_`, `.` and `-` (a quoted name and `*` are keys too).
 */
export function renderIni(sections: readonly IniSection[], heading?: string): string {
  const head = heading === undefined ? [] : [`; ${singleLine("heading", heading)}`, ""];
  const body = sections.map(({ name, lines }) => {
    if (name === undefined) return [...lines.map(renderLine), ""].join("\n");
    if (!/^[a-z_:-]+$/i.test(name)) throw new Error(`ini: not a section name: ${JSON.stringify(name)}`);
    return [`[${name}]`, ...lines.map(renderLine), ""].join("\n");
  });
  return [...head, body.join("\n")].join("\n");
}

function renderLine(line: IniLine): string {
  if ("directive" in line) return singleLine("directive", line.directive);
  const [key, value] = line;
  if (!KEY.test(key)) throw new Error(`ini: not a key: ${JSON.stringify(key)}`);
  const text = typeof value === "boolean" ? (value ? "1" : "0") : String(value);
  if (text === "") throw new Error(`ini: ${key}: an empty value; leave the line out`);
  return `${key} = ${singleLine(key, text)}`;
}

function singleLine(what: string, text: string): string {
  if (/[\r\n\0]/.test(text)) throw new Error(`ini: ${what}: a value is one line, got ${JSON.stringify(text)}`);
  if (text !== text.trim())
    throw new Error(`ini: ${what}: white space at its ends is lost, got ${JSON.stringify(text)}`);
  return text;
}

/**
 * A connection string as PgBouncer writes them in [databases], [users] and [peers]: `key=value` pairs; a value that is not
 * plain stands in single quotes, doubled inside. Throws on a line break.
 */
export function connectString(pairs: Readonly<Record<string, string | number>>): string {
  return Object.entries(pairs)
    .map(([key, value]) => {
      const text = singleLine(key, String(value));
      return `${key}=${/^[A-Za-z0-9_./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`}`;
    })
    .join(" ");
}
