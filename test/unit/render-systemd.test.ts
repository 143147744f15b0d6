import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeSpecifiers, execWord, renderUnit } from "../../components/render/systemd";

/** One argument of an Exec line as systemd reads it (systemd.service, "Command lines"). */
function read(word: string): string {
  const quoted = /^"([\s\S]*)"$/.exec(word);
  const text = quoted ? (quoted[1] as string).replaceAll(/\\([\\"])/g, "$1") : word;
  return text.replaceAll("%%", "%").replaceAll("$$", "$");
}

describe("systemd", () => {
  it("gives every argument back as it was", () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !/[\r\n\0]/.test(text)),
        (text) => {
          const word = execWord(text);
          expect(read(word)).toBe(text);
          // Never a lone % or $ that systemd would expand, never a quote that ends the word early.
          expect(word.replaceAll("%%", "").includes("%")).toBe(false);
          expect(word.replaceAll("$$", "").includes("$")).toBe(false);
        },
      ),
    );
  });

  it("keeps the order, and writes a list once for each value", () => {
    expect(
      renderUnit(
        [
          {
            name: "Service",
            lines: [
              ["ExecReload", ["", "/bin/a", "/bin/b"]],
              ["Restart", "always"],
            ],
          },
        ],
        "a remark",
      ),
    ).toBe("# a remark\n\n[Service]\nExecReload=\nExecReload=/bin/a\nExecReload=/bin/b\nRestart=always\n");
  });

  it("refuses what would run on into the next line", () => {
    const unit = (value: string) => () => renderUnit([{ name: "Service", lines: [["User", value]] }]);
    expect(unit("a\nExecStart=/bin/evil")).toThrow(/User.*one line/);
    expect(unit("a\\")).toThrow(/User.*one line/);
    expect(() => renderUnit([{ name: "Unit]", lines: [] }])).toThrow(/section name/);
    expect(() => renderUnit([{ name: "Unit", lines: [["a=b", "c"]] }])).toThrow(/not a key/);
  });

  it("doubles percent signs", () => expect(escapeSpecifiers("100%n")).toBe("100%%n"));
});
