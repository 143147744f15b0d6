import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderEnvironment, shell, shellWord } from "../../components/render/shell";

const nasty = [
  "",
  " ",
  "a b",
  "'",
  '"',
  "\\",
  "$HOME",
  "`id`",
  "$(id)",
  "*",
  "~",
  "a\nb",
  "-n",
  "é",
  "a;b",
  "#x",
  "!",
  "%s",
];
const bash = (script: string) => spawnSync("bash", ["-c", script], { encoding: "utf8" }).stdout;

describe("shell", () => {
  it("gives the shell each word as it was", () => {
    const words = [...nasty, ...fc.sample(fc.string({ unit: "binary" }), 200).map((word) => word.replaceAll("\0", ""))];
    // A lone surrogate is no text: it cannot reach a shell.
    const sound = words.filter((word) => Buffer.from(word).toString() === word);
    expect(
      bash(`printf '%s\\0' ${sound.map(shellWord).join(" ")}`)
        .split("\0")
        .slice(0, -1),
    ).toEqual(sound);
  });

  it("leaves harmless words bare and refuses NUL", () => {
    expect(shellWord("/etc/pgkeel/a-b_c.env")).toBe("/etc/pgkeel/a-b_c.env");
    expect(() => shellWord("a\0b")).toThrow("NUL");
  });

  it("quotes what is put into a command, arrays word by word", () => {
    expect(shell`rm -- ${["a b", "c"]} && echo ${3} ${"$x"}`).toBe("rm -- 'a b' c && echo 3 '$x'");
  });
});

describe("environment file", () => {
  const values = nasty.filter((value) => !value.includes("\n"));
  const variables = Object.fromEntries(values.map((value, index) => [`V${index}`, value]));

  it("is read by a shell as what was written", () => {
    const print = values.map((_, index) => `"$V${index}"`).join(" ");
    expect(
      bash(`${renderEnvironment(variables)}printf '%s\\0' ${print}`)
        .split("\0")
        .slice(0, -1),
    ).toEqual(values);
  });

  it("is sorted and commented", () => {
    expect(renderEnvironment({ B: "2", A: "1" }, "why\n\nnot")).toBe('# why\n#\n# not\nA="1"\nB="2"\n');
  });

  it("refuses names that are none, and values of several lines", () => {
    expect(() => renderEnvironment({ "A-B": "1" })).toThrow('"A-B"');
    expect(() => renderEnvironment({ A: "1\n2" })).toThrow("value of A");
  });
});
