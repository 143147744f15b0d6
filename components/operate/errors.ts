/** A step of live work that failed: which machine, which step, what happened and what to do about it. */
export class OperateError extends Error {
  /** @param advice What the reader should do; one sentence. */
  constructor(
    readonly where: string,
    readonly step: string,
    readonly reason: string,
    readonly advice: string,
    options?: { cause?: unknown },
  ) {
    super(`${where}: ${step}: ${reason}. ${advice}`, options);
    this.name = "OperateError";
  }
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, " ").trim();
}

/**
 * Bounds a promise in time. The work itself is not stopped: `abort` must do that (close the stream, the connection).
 * @param onTimeout Makes the error that is thrown when the time is over.
 */
export async function bounded<T>(
  work: Promise<T>,
  timeoutMs: number,
  onTimeout: () => Error,
  abort?: () => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      abort?.();
      reject(onTimeout());
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined); // a late failure of abandoned work is nobody's business
  }
}
