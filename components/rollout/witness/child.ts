/**
 * The witness's own process. It ends by itself when it has reported, and when its standard input closes: whoever started it
 * is gone then. It writes nothing anywhere but to its standard output.
 */
import { createInterface } from "node:readline";
import { messageOf } from "../../operate/errors";
import { Witness } from "../../operate/witness/witness";
import type { FromWitness, ToWitness } from "./protocol";

/** After its parent is gone, it is too within this time, in ms, whatever is left behind: the next witness removes that. */
const LAST_WORDS_MS = 15_000;

let witness: Witness | undefined;
let reported = false;

function answer(line: FromWitness): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function heed(order: ToWitness): Promise<void> {
  switch (order.kind) {
    case "begin":
      witness = new Witness(order.access, order.password);
      await witness.begin();
      answer({ kind: "ready" });
      return;
    case "reach":
      witness?.reach(order.machine);
      return;
    case "finish":
      if (witness === undefined) return;
      answer({ kind: "measured", measured: await witness.finish(order.access) });
      reported = true;
      return;
  }
}

async function end(): Promise<void> {
  const limit = setTimeout(() => process.exit(1), LAST_WORDS_MS);
  if (!reported) await witness?.abandon();
  clearTimeout(limit);
  process.exit(0);
}

// The parent may be gone while something is written to it: its standard input tells that as well.
process.stdout.on("error", () => undefined);

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => {
  heed(JSON.parse(line) as ToWitness).catch((error) => {
    answer({ kind: "failed", why: messageOf(error) });
    void end();
  });
});
orders.on("close", () => void end());
