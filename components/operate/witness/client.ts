/**
 * One client that repeats one statement through its own pooler, about ten times a second. When its connection breaks it
 * connects again as an application with the stack's connection string does: to any pooler that lets it in. It goes back to
 * its own as soon as that is there again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../errors";
import { LongestGap } from "./gaps";
import type { Login } from "./login";
import { type Run, withNext } from "./numbers";
import type { ErrorEvent } from "./proof";

/** Between the beginnings of two statements, in ms. Bounds what a pause can be told apart from. */
export const INTERVAL_MS = 100;
/** After an error, before the next attempt, in ms. */
const AFTER_ERROR_MS = 50;
/** Between two attempts to go back to the own pooler, in ms. */
const HOMEWARD_MS = 2000;
/** Longest error text that is kept. */
const TEXT_LIMIT = 200;

export interface ClientOptions {
  /** Key of its own pooler. */
  readonly home: string;
  readonly port: number;
  /** Parameters of the statement: its name, and a number that grows by one each time. */
  readonly statement: string;
  /** Whether the parameters are passed. */
  readonly numbered: boolean;
  /** Poolers to try beside its own, in order. */
  readonly others: () => readonly string[];
  readonly logIn: (pooler: string) => Promise<Login>;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly onAnswer: (at: number) => void;
}

/** What one client has seen until now. */
export class WitnessClient {
  /** Numbers whose statements were acknowledged. */
  readonly acknowledged: Run[] = [];
  answers = 0;
  private events: ErrorEvent[] = [];
  private gap: LongestGap | undefined;
  private lastError: string | undefined;
  private login: Login | undefined;
  private homecoming: Login | undefined;
  private homewardAt = 0;
  private number = 0;
  private readonly stopping = new AbortController();

  constructor(readonly options: ClientOptions) {}

  /** From this moment on it counts; what was before was only getting there. */
  begin(at: number): void {
    this.events = [];
    this.gap = new LongestGap(at);
  }

  /** Longest time without an answer, in ms. */
  longestGap(until: number): number {
    return this.gap?.until(until) ?? 0;
  }

  /** Errors since the beginning; `at` in ms by its clock. */
  get errors(): readonly ErrorEvent[] {
    return this.events;
  }

  /** Why there was no answer yet; undefined: no reason is known. */
  get trouble(): string | undefined {
    return this.lastError;
  }

  stop(): void {
    this.stopping.abort();
  }

  /** Runs until it is stopped. Never rejects. */
  async run(): Promise<void> {
    const { now } = this.options;
    while (!this.stopping.signal.aborted) {
      const began = now();
      const good = await this.once();
      if (!good) await this.drop();
      await this.rest(good ? INTERVAL_MS - (now() - began) : AFTER_ERROR_MS);
    }
    await this.drop();
    await this.homecoming?.close();
  }

  private async once(): Promise<boolean> {
    const { home, port, statement, numbered, now, onAnswer } = this.options;
    try {
      this.login = await this.connected();
      this.number += 1;
      const { number } = this;
      await this.login.query(statement, numbered ? [home, number] : []);
      const at = now();
      if (numbered) withNext(this.acknowledged, number);
      this.answers += 1;
      this.gap?.heard(at);
      onAnswer(at);
      return true;
    } catch (error) {
      this.lastError = messageOf(error).slice(0, TEXT_LIMIT);
      this.events.push({ pooler: home, port, error: this.lastError, at: now() });
      return false;
    }
  }

  private async connected(): Promise<Login> {
    const { home, others, logIn } = this.options;
    if (this.homecoming !== undefined) {
      await this.drop();
      const back = this.homecoming;
      this.homecoming = undefined;
      return back;
    }
    if (this.login !== undefined) {
      if (this.login.pooler !== home) this.goHome();
      return this.login;
    }
    const reasons: string[] = [];
    for (const pooler of [home, ...others().filter((key) => key !== home)]) {
      try {
        return await logIn(pooler);
      } catch (error) {
        reasons.push(messageOf(error));
      }
    }
    throw new Error(`no pooler lets it in: ${reasons.join("; ")}`);
  }

  /** In the background: an application does not wait for a pooler that it does not need. */
  private goHome(): void {
    const { home, logIn, now } = this.options;
    if (now() < this.homewardAt) return;
    this.homewardAt = Infinity;
    logIn(home)
      .then(
        (login) => {
          if (this.stopping.signal.aborted) return login.close();
          this.homecoming = login;
        },
        () => undefined,
      )
      .finally(() => {
        this.homewardAt = now() + HOMEWARD_MS;
      });
  }

  private async drop(): Promise<void> {
    const { login } = this;
    this.login = undefined;
    await login?.close();
  }

  private async rest(milliseconds: number): Promise<void> {
    if (milliseconds <= 0 || this.stopping.signal.aborted) return;
    await sleep(milliseconds, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }
}
