import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connectString, renderIni } from "../../components/render/ini";

/** Reads as PgBouncer does: sections, `key = value` to the end of the line, remarks only at the beginning of a line. */
function read(text: string): [string, string, string][] {
  let section = "";
  const found: [string, string, string][] = [];
  for (const line of text.split("\n")) {
    const header = /^\[(.+)\]$/.exec(line);
    // "s": only a line feed ends a line there, not what else Unicode counts as a line break.
    const pair = /^([^;#%\s][^=]*?)\s*=\s*(.*?)\s*$/s.exec(line);
    if (header) section = header[1] as string;
    else if (pair) found.push([section, pair[1] as string, pair[2] as string]);
  }
  return found;
}

describe("ini", () => {
  it("carries every value of one line", () => {
    const value = fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((text) => text === text.trim() && !/[\r\n\0]/.test(text) && text !== "");
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), (values) => {
        const lines = values.map((text, index) => [`key_${index}`, text] as const);
        expect(read(renderIni([{ name: "pgbouncer", lines }]))).toEqual(lines.map(([k, v]) => ["pgbouncer", k, v]));
      }),
    );
  });

  it("refuses what would change the file's meaning, and names it", () => {
    const one = (key: string, value: string) => () => renderIni([{ name: "s", lines: [[key, value]] }]);
    expect(one("auth_query", "a\nadmin_users = everyone")).toThrow(/auth_query.*one line/);
    expect(one("listen_addr", "")).toThrow(/listen_addr.*empty/);
    expect(one("pool_mode", " session")).toThrow(/pool_mode.*white space/);
    expect(one("a = b\nc", "d")).toThrow(/not a key/);
    expect(() => renderIni([{ name: "a]\n[b", lines: [] }])).toThrow(/section name/);
  });

  it("begins without a header where it goes on with the including section", () => {
    expect(renderIni([{ lines: [["a", true]] }, { name: "users", lines: [["b", 2]] }], "why")).toBe(
      "; why\n\na = 1\n\n[users]\nb = 2\n",
    );
  });

  it("quotes connection strings as PgBouncer unquotes them", () => {
    const unquote = (text: string) =>
      Object.fromEntries(
        [...text.matchAll(/(\w+)=(?:'((?:[^']|'')*)'|([^\s']+))(?:\s|$)/g)].map(([, key, quoted, plain]) => [
          key,
          quoted?.replaceAll("''", "'") ?? plain,
        ]),
      );
    fc.assert(
      fc.property(
        fc.string().filter((text) => text === text.trim() && !/[\r\n\0]/.test(text)),
        (text) => {
          expect(unquote(connectString({ host: "127.0.0.1", connect_query: text, port: 5000 }))).toEqual({
            host: "127.0.0.1",
            connect_query: text,
            port: "5000",
          });
        },
      ),
    );
  });
});
