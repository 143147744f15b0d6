/** The words of one HAProxy line, unquoted: `["timeout", "connect", "2s"]`. */
export type HaproxyLine = readonly (string | number)[];

export interface HaproxySection {
  /** The words of the section's own line: `["listen", "leader"]`. */
  readonly header: HaproxyLine;
  /** A remark above the section, without the `#`. */
  readonly comment?: string;
  readonly lines: readonly HaproxyLine[];
}

/**
 * Writes a HAProxy configuration. The order of sections and lines is kept: HAProxy reads many of them in order. Each word is
 * quoted where HAProxy would split or expand it.
 *
 * Throws on a line break inside a word and on an empty line or word list.
 */
export function renderHaproxy(sections: readonly HaproxySection[]): string {
  return sections
    .map(({ header, comment, lines }) => {
      const remark = comment === undefined ? [] : comment.split("\n").map((text) => `# ${text}`.trimEnd());
      return [...remark, renderWords(header), ...lines.map((line) => `  ${renderWords(line)}`), ""].join("\n");
    })
    .join("\n");
}

function renderWords(words: HaproxyLine): string {
  if (words.length === 0) throw new Error("haproxy: a line without words");
  return words.map((word) => quoteHaproxy(String(word))).join(" ");
}

/**
 * One word as HAProxy reads it back unchanged. Inside single quotes nothing is special but the quote itself
 * (configuration manual, 2.2 "Quoting and escaping").
 */
export function quoteHaproxy(word: string): string {
  if (/[\r\n\0]/.test(word)) throw new Error(`haproxy: a word is one line, got ${JSON.stringify(word)}`);
  if (/^[^\s#"'\\$]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
