/** One setting of a unit file. A list writes the key once for each value; an empty value clears what came before. */
export type UnitLine = readonly [key: string, value: string | readonly string[]];

export interface UnitSection {
  readonly name: string;
  readonly lines: readonly UnitLine[];
}

/**
 * Writes a systemd unit, drop-in, or any other file in systemd's syntax. Order is kept: it has a meaning for lists such as
 * ExecReload. Values are written as given; `escapeSpecifiers` and `execWord` protect text that is not systemd's own.
 *
 * Throws on a line break or a backslash at a line's end (both would join lines) and on keys that are not names.
 */
export function renderUnit(sections: readonly UnitSection[], heading?: string): string {
  const head =
    heading === undefined
      ? ""
      : `${heading
          .split("\n")
          .map((text) => `# ${text}\n`)
          .join("")}\n`;
  const body = sections.map(({ name, lines }) => {
    if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(name)) throw new Error(`systemd: not a section name: ${JSON.stringify(name)}`);
    return [`[${name}]`, ...lines.flatMap(renderLine), ""].join("\n");
  });
  return head + body.join("\n");
}

function renderLine([key, value]: UnitLine): string[] {
  if (!/^[A-Za-z][A-Za-z0-9]*$/.test(key)) throw new Error(`systemd: not a key: ${JSON.stringify(key)}`);
  return (typeof value === "string" ? [value] : value).map((text) => {
    if (/[\r\n\0]/.test(text) || text.endsWith("\\"))
      throw new Error(`systemd: ${key}: a value is one line, got ${JSON.stringify(text)}`);
    return `${key}=${text}`;
  });
}

/** Text in which `%` is only a percent sign: in unit files it begins a specifier (systemd.unit, "Specifiers"). */
export function escapeSpecifiers(text: string): string {
  return text.replaceAll("%", "%%");
}

/**
 * One argument of an Exec line that reaches the program unchanged: quoted, with `%` and `$` doubled (systemd.service,
 * "Command lines"). Throws on a line break.
 */
export function execWord(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new Error(`systemd: an argument is one line, got ${JSON.stringify(text)}`);
  const literal = escapeSpecifiers(text).replaceAll("$", "$$$$");
  if (/^[A-Za-z0-9_./:=@%+,-]+$/.test(literal)) return literal;
  return `"${literal.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
