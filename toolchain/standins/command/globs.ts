/** Files by pattern, in the dialect that `assetPaths` uses. */
import * as fs from "node:fs";
import * as path from "node:path";

/**
 * The files below a directory that the patterns choose, as paths relative to it. Patterns apply in order; one that starts
 * with `!` takes files out again.
 */
export function globFiles(directory: string, patterns: readonly string[]): string[] {
  const rules = patterns.map((pattern) => ({
    takes: !pattern.startsWith("!"),
    expression: globExpression(pattern.replace(/^!/, "")),
  }));
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .filter((file) => rules.findLast((rule) => rule.expression.test(file))?.takes ?? false)
    .sort();
}

/** `*` any text without a slash, `**` any text, `?` one character, `[a-z]` and `[!a-z]` classes, `{a,b}` alternatives. */
export function globExpression(pattern: string): RegExp {
  let text = "";
  let depth = 0;
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern.charAt(index);
    if (character === "*" && pattern.charAt(index + 1) === "*") {
      text += ".*";
      index++;
    } else if (character === "*") text += "[^/]*";
    else if (character === "?") text += "[^/]";
    else if (character === "[") {
      const end = pattern.indexOf("]", index + 1);
      if (end === -1) throw new Error(`pattern ${pattern}: unclosed [`);
      text += `[${pattern
        .slice(index + 1, end)
        .replace(/^!/, "^")
        .replaceAll("\\", "\\\\")}]`;
      index = end;
    } else if (character === "{") {
      depth++;
      text += "(?:";
    } else if (character === "}" && depth > 0) {
      depth--;
      text += ")";
    } else if (character === "," && depth > 0) text += "|";
    else if (character === "\\" && index + 1 < pattern.length) text += literally(pattern.charAt(++index));
    else text += literally(character);
  }
  return new RegExp(`^${text}$`, "s");
}

function literally(character: string): string {
  return character.replace(/[.*+?^${}()|[\]\\/]/, "\\$&");
}
