/** Text for POSIX shells, and for the environment files that systemd and shells both read. */

/** Quotes one word for a POSIX shell; a word of harmless characters stays as it is. */
export function shellWord(value: string): string {
  if (value.includes("\0")) throw new Error("shell: a word cannot hold a NUL character");
  if (/^[A-Za-z0-9_./:@%+=,-]+$/.test(value)) return value;
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

/**
 * A shell command with its values quoted by construction: shell`rm -- ${path}`. An array becomes one word for each of
 * its elements.
 */
export function shell(text: TemplateStringsArray, ...values: readonly (string | number | readonly string[])[]): string {
  const quoted = values.map((value) =>
    Array.isArray(value) ? value.map(shellWord).join(" ") : shellWord(String(value as string | number)),
  );
  return text.map((part, index) => part + (quoted[index] ?? "")).join("");
}

/**
 * Lines `NAME="value"`, sorted by name, in the form that systemd's `EnvironmentFile=` and a shell's `.` read alike.
 * @throws Error for a name that is none, and for a value that spans lines: systemd would read it otherwise than a shell.
 */
export function renderEnvironment(variables: Readonly<Record<string, string>>, comment = ""): string {
  const head =
    comment === ""
      ? ""
      : `${comment
          .split("\n")
          .map((line) => `# ${line}`.trimEnd())
          .join("\n")}\n`;
  const lines = Object.keys(variables)
    .sort()
    .map((name) => {
      const value = variables[name] as string;
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error(`environment: "${name}" is not a variable's name`);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to keep out
      if (/[\x00-\x1f\x7f]/.test(value)) throw new Error(`environment: the value of ${name} has a control character`);
      return `${name}="${value.replace(/[\\"$`]/g, "\\$&")}"\n`;
    });
  return head + lines.join("");
}
