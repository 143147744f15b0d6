/**
 * The record of every write that test clients tried, and what it proves. Pure: who records gives the times, in ms of one
 * monotonic clock; who judges gives the rows that are there in the end.
 */

/** Identity of one write: a client numbers its own writes from 1. */
export interface WriteId {
  readonly client: string;
  readonly sequence: number;
}

/** What the server said about itself in the very statement that wrote. */
export interface Witness {
  /** Address of the server that did it. */
  readonly server: string;
  /** PostgreSQL's timeline at the insert; every promotion begins a new one. */
  readonly timeline: number;
  /** Insert position of the WAL (a byte count) inside the transaction, so before its commit. */
  readonly position: bigint;
}

export type Outcome =
  | { readonly kind: "pending" }
  | ({ readonly kind: "acknowledged"; readonly at: number } & Witness)
  /** The client got an error, or gave up. The row may be there all the same. */
  | { readonly kind: "failed"; readonly at: number; readonly reason: string };

export interface Write extends WriteId {
  readonly sentAt: number;
  readonly outcome: Outcome;
}

export type Acknowledged = Write & { readonly outcome: Extract<Outcome, { kind: "acknowledged" }> };

/** One read through the read-only port: the newest write of one client that it showed. */
export interface Read {
  readonly reader: string;
  readonly sentAt: number;
  readonly server: string;
  /** pg_is_in_recovery() of the server that answered. */
  readonly fromReplica: boolean;
  /** The client whose writes it looked for. */
  readonly follows: string;
  /** Highest sequence seen; 0: none. */
  readonly seen: number;
}

/** Collects writes and reads while they happen. */
export class Ledger {
  private readonly entries: Write[] = [];
  private readonly answers: Read[] = [];
  private readonly failures: { reader: string; at: number; reason: string }[] = [];
  private readonly sequences = new Map<string, number>();

  /** A write that is about to be sent. Returns its number, and what to call with its outcome. */
  begin(
    client: string,
    sentAt: number,
  ): { sequence: number; end(outcome: Exclude<Outcome, { kind: "pending" }>): void } {
    const sequence = (this.sequences.get(client) ?? 0) + 1;
    this.sequences.set(client, sequence);
    const index = this.entries.push({ client, sequence, sentAt, outcome: { kind: "pending" } }) - 1;
    return {
      sequence,
      end: (outcome) => {
        const entry = this.entries[index] as Write;
        if (entry.outcome.kind !== "pending")
          throw new Error(`write ${sequence} of ${client} has an outcome already: ${entry.outcome.kind}`);
        this.entries[index] = { ...entry, outcome };
      },
    };
  }

  read(read: Read): void {
    this.answers.push(read);
  }

  readFailed(reader: string, at: number, reason: string): void {
    this.failures.push({ reader, at, reason });
  }

  get writes(): readonly Write[] {
    return this.entries;
  }

  get reads(): readonly Read[] {
    return this.answers;
  }

  get readErrors(): readonly { readonly reader: string; readonly at: number; readonly reason: string }[] {
    return this.failures;
  }
}

export function acknowledged(writes: readonly Write[]): Acknowledged[] {
  return writes.filter((write): write is Acknowledged => write.outcome.kind === "acknowledged");
}
