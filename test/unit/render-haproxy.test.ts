import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quoteHaproxy, renderHaproxy } from "../../components/render/haproxy";

/** Splits a line as HAProxy does: white space splits, `#` begins a remark, quotes and backslash protect, `$` in double quotes expands. */
function words(line: string): string[] {
  const found: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if (char === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) throw new Error("open quote");
      word = (word ?? "") + line.slice(at + 1, end);
      at = end;
    } else if (char === "\\") word = (word ?? "") + (line[++at] ?? "");
    else if (char === '"') throw new Error("weak quotes expand variables");
    else if (char === "#") break;
    else if (/\s/.test(char)) {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  return word === undefined ? found : [...found, word];
}

describe("haproxy", () => {
  it("gives every word back as it was", () => {
    const word = fc.string().filter((text) => !/[\r\n\0]/.test(text));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (line) => {
        const text = renderHaproxy([{ header: ["global"], lines: [line] }]);
        expect(words(text.split("\n")[1] as string)).toEqual(line);
      }),
    );
  });

  it("leaves plain words alone", () => {
    expect(quoteHaproxy("/read-only?lag=16MB")).toBe("/read-only?lag=16MB");
    expect(quoteHaproxy('"role": *"(primary|master)"')).toBe(`'"role": *"(primary|master)"'`);
    expect(quoteHaproxy("$HOME")).toBe("'$HOME'");
  });

  it("refuses a line break", () => {
    expect(() => quoteHaproxy("a\nglobal")).toThrow(/one line/);
    expect(() => renderHaproxy([{ header: [], lines: [] }])).toThrow(/without words/);
  });
});
