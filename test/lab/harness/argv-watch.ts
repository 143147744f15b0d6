/** Looks at the arguments of all processes of this host, those in lab machines included, while something runs. */
import { readdirSync, readFileSync } from "node:fs";

/** Short enough to see most of the programs that a converge starts; a look takes some milliseconds. */
const INTERVAL_MS = 50;

export class ArgvWatch {
  private readonly seen = new Set<string>();
  private readonly timer: NodeJS.Timeout;

  constructor() {
    this.timer = setInterval(() => this.look(), INTERVAL_MS);
    this.look();
  }

  /** Ends the watch; returns every different command line that was seen, arguments separated by spaces. */
  stop(): string[] {
    clearInterval(this.timer);
    return [...this.seen];
  }

  private look(): void {
    for (const pid of readdirSync("/proc")) {
      if (!/^[0-9]+$/.test(pid)) continue;
      try {
        this.seen.add(readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));
      } catch {
        // It has ended since the directory was read.
      }
    }
  }
}
