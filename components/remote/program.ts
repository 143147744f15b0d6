import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the machine-side program stands on a machine; the first command that a machine gets puts it there. */
export const PROGRAM = "/usr/local/lib/pgkeel/converge";
export const program = readFileSync(join(__dirname, "converge.sh"), "utf8");
/** Puts the program, given on standard input, in place. */
export const INSTALL_PROGRAM = `install -D -m 0755 /dev/stdin ${PROGRAM}`;
