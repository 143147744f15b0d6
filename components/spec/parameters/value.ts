/** Values of PostgreSQL's parameters: checked as the server would, and brought to one notation. */
import { nearest, show } from "../mistake";
import type { PostgresqlVersion } from "../types";
import { PATRONI_LEAST } from "./controlled";
import { type ParameterInfo, parameterInfo } from "./table";
import { type BaseUnit, baseUnit, inBaseUnit, inWholeUnits, roundHalfEven } from "./units";

export type GivenValue = string | number | boolean;

/** The value in canonical notation, or what is wrong with it. */
export type CheckedValue = { readonly value: string } | { readonly problem: string };

/**
 * Checks a value as PostgreSQL does when it reads its configuration. Two notations of one value come out the same: "1GB",
 * "1024MB" and 131072 (of 8kB), `true` and "on", "300s" and "5min".
 */
export function checkValue(info: ParameterInfo, given: GivenValue): CheckedValue {
  switch (info.vartype) {
    case "bool": {
      const value = switchOf(given);
      return value === undefined ? wrong(given, "true or false") : { value };
    }
    case "enum":
      return checkEnum(info.enumvals ?? [], given);
    case "integer":
    case "real":
      return checkNumber(info, given);
    case "string":
      return checkText(info, given);
  }
}

function wrong(given: GivenValue, expected: string, advice?: string): CheckedValue {
  return { problem: `got ${show(given)}; expected ${expected}${advice === undefined ? "" : ` (${advice})`}` };
}

const ON = ["on", "true", "yes", "1"];
const OFF = ["off", "false", "no", "0"];

function switchOf(given: GivenValue): "on" | "off" | undefined {
  const text = String(given).toLowerCase();
  return ON.includes(text) ? "on" : OFF.includes(text) ? "off" : undefined;
}

function checkEnum(values: readonly string[], given: GivenValue): CheckedValue {
  const text = String(given).toLowerCase();
  const found =
    values.find((value) => value.toLowerCase() === text) ?? values.find((value) => value === switchOf(given));
  if (found !== undefined) return { value: found };
  const near = nearest(text, values);
  return wrong(given, `one of ${values.join(", ")}`, near === undefined ? undefined : `did you mean ${near}?`);
}

/** Parameters whose value is a file mode: PostgreSQL shows them in octal. */
const FILE_MODES = ["log_file_mode"];

function checkNumber(info: ParameterInfo, given: GivenValue): CheckedValue {
  const base = info.unit === undefined ? undefined : baseUnit(info.unit);
  const read = typeof given === "boolean" ? undefined : readNumber(String(given), info.vartype === "integer", base);
  if (read === undefined) return wrong(given, inWords(info, base), unitAdvice(given, base));
  const value = info.vartype === "integer" ? roundHalfEven(read) : read;
  const least = Math.max(Number(info.min), PATRONI_LEAST[info.name] ?? Number.NEGATIVE_INFINITY);
  if (!(value >= least && value <= Number(info.max))) return wrong(given, inWords(info, base));
  if (FILE_MODES.includes(info.name)) return { value: `0${value.toString(8)}` };
  return { value: numberText(value, base) };
}

function numberText(value: number, base: BaseUnit | undefined): string {
  // Without a unit it counts in the parameter's own.
  return (base === undefined ? undefined : inWholeUnits(value, base)) ?? String(value);
}

const NUMBER = /^\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(\S*)\s*$/;
const HEXADECIMAL = /^\s*([+-]?)0[xX]([0-9a-fA-F]+)\s*([^0-9a-fA-F\s]\S*)?\s*$/;

/** The number in the parameter's own unit; undefined where the text is none. */
function readNumber(text: string, whole: boolean, base: BaseUnit | undefined): number | undefined {
  const [hex, sign, hexDigits, hexUnit = ""] = (whole && HEXADECIMAL.exec(text)) || [];
  const [decimal, digits, decimalUnit = ""] = hex === undefined ? (NUMBER.exec(text) ?? []) : [];
  if (hex === undefined && decimal === undefined) return undefined;
  // A whole number that begins with 0 is octal, as in C; 08 is none.
  if (whole && /^[+-]?0[0-7]*[89]/.test(digits ?? "")) return undefined;
  const octal = whole && /^[+-]?0[0-7]+$/.test(digits ?? "");
  const magnitude =
    hexDigits !== undefined
      ? Number.parseInt(hexDigits, 16)
      : octal
        ? Number.parseInt(digits as string, 8)
        : Number(digits);
  const value = sign === "-" ? -magnitude : magnitude;
  const unit = hex === undefined ? decimalUnit : hexUnit;
  if (unit === "") return value;
  return base === undefined ? undefined : inBaseUnit(value, unit, base);
}

function unitAdvice(given: GivenValue, base: BaseUnit | undefined): string | undefined {
  const unit = typeof given === "string" ? (NUMBER.exec(given)?.[2] ?? "") : "";
  if (unit === "") return undefined;
  if (base === undefined) return "it has no unit";
  const names = base.units.map(({ name }) => name);
  if (names.includes(unit)) return undefined;
  const near = names.find((name) => name.toLowerCase() === unit.toLowerCase());
  return near === undefined ? `units are ${names.join(", ")}` : `the unit is written ${near}`;
}

/** What a number may be, in words: `128kB to about 8191GB`. */
function inWords(info: ParameterInfo, base: BaseUnit | undefined): string {
  const kind =
    info.vartype === "integer" && base === undefined
      ? "a whole number"
      : base === undefined
        ? "a number"
        : kindOf(base);
  const least = Math.max(Number(info.min), PATRONI_LEAST[info.name] ?? Number.NEGATIVE_INFINITY);
  return `${kind} from ${limit(least, base)} to ${limit(Number(info.max), base)}`;
}

function kindOf({ kind }: BaseUnit): string {
  return kind === "memory" ? 'a size such as "64MB"' : 'a duration such as "30s"';
}

function limit(value: number, base: BaseUnit | undefined): string {
  const exact = numberText(value, base);
  if (base === undefined || exact.length <= 7) return exact;
  const unit = base.units.find(({ size }) => value * base.size >= size);
  return unit === undefined ? exact : `about ${Math.round((value * base.size) / unit.size)}${unit.name}`;
}

/** Parameters that hold a list: the blanks after its commas mean nothing. */
const LISTS = [
  "DateStyle",
  "local_preload_libraries",
  "log_destination",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "wal_consistency_checking",
];

function checkText(info: ParameterInfo, given: GivenValue): CheckedValue {
  if (typeof given === "boolean") return wrong(given, "text");
  const text = String(given);
  if (hasControlCharacter(text)) return wrong(given, "text on one line, without control characters");
  const isList = LISTS.includes(info.name) && !text.includes('"');
  return {
    value: isList
      ? text
          .split(",")
          .map((item) => item.trim())
          .join(",")
      : text,
  };
}

/** A value of a parameter that the table does not know. */
export function checkCustomValue(given: GivenValue): CheckedValue {
  if (typeof given === "boolean") return { value: given ? "on" : "off" };
  const text = String(given);
  return hasControlCharacter(text) ? wrong(given, "text on one line, without control characters") : { value: text };
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < " " || character === "\u007f");
}

/** A checked value of a parameter of memory, in bytes. */
export function bytesOf(version: PostgresqlVersion, name: string, value: string): number {
  const info = parameterInfo(version, name);
  const base = info?.unit === undefined ? undefined : baseUnit(info.unit);
  const count = base === undefined ? undefined : readNumber(value, true, base);
  if (base === undefined || count === undefined) throw new Error(`${name} = ${value} is no quantity of memory`);
  return count * base.size;
}
