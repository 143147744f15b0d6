/**
 * What is put on a machine is put on the one that takes its place as well: a comment in it names the machine, by something
 * that no two machines share. Bundles and shell scripts take comments.
 */
const COMMENT = /^# machine (\S+)$/m;

export function addressTo(incarnation: string, text: string, place: "first" | "last" = "first"): string {
  const comment = `# machine ${incarnation}\n`;
  return place === "first" ? comment + text : text + comment;
}

/** The machine that a text is for; undefined: it names none. */
export function addressee(text: unknown): string | undefined {
  return typeof text === "string" ? COMMENT.exec(text)?.[1] : undefined;
}
