import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 100;

/**
 * Waits for a condition. `ask` returns `{ done }` when it holds, and otherwise what it saw, in words; an error that it throws counts as
 * something seen.
 * @param onChange Gets what is seen each time it is something else.
 * @throws After `seconds`, with the last thing seen.
 */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => Promise<{ done: T } | string> | { done: T } | string,
  onChange: (seen: string) => void = () => undefined,
): Promise<T> {
  let last: string | undefined;
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    let seen: string;
    try {
      const answer = await ask();
      if (typeof answer !== "string") return answer.done;
      seen = answer;
    } catch (error) {
      seen = error instanceof Error ? error.message : String(error);
    }
    if (seen !== last) onChange(seen);
    last = seen;
    if (performance.now() >= deadline) throw new Error(`${what}: not within ${seconds} s; seen last: ${seen}`);
    await sleep(POLL_MS);
  }
}
