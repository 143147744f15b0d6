/** Keeps the longest silence between two moments of something that should happen all the time. Pure: it is told the time. */
export class LongestGap {
  private longest = 0;
  private last: number;

  /** @param since When the silence begins that the first moment ends. */
  constructor(since: number) {
    this.last = since;
  }

  heard(at: number): void {
    // Told by several at once: they may come a little out of order.
    if (at <= this.last) return;
    this.longest = Math.max(this.longest, at - this.last);
    this.last = at;
  }

  /** The longest one until now, with the one that still lasts. */
  until(now: number): number {
    return Math.max(this.longest, now - this.last);
  }
}
