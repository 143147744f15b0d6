import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 50;

/**
 * Asks again and again until the answer is neither undefined nor false; returns it.
 * @throws After `seconds`, with `what` in the message.
 */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() >= deadline) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(POLL_MS);
  }
}
