/** What a rollout did to the clients, as it was measured. */
export interface Measured {
  /** Longest time that writes were held, in ms; 0: they were not. */
  readonly longestWritePauseMs: number;
  readonly steps: number;
  readonly seconds: number;
}

export class Proof {
  private longest = 0;
  private steps = 0;
  private readonly began = Date.now();

  notePause(milliseconds: number): void {
    this.longest = Math.max(this.longest, milliseconds);
  }

  noteStep(): void {
    this.steps++;
  }

  measured(): Measured {
    return { longestWritePauseMs: this.longest, steps: this.steps, seconds: (Date.now() - this.began) / 1000 };
  }
}
