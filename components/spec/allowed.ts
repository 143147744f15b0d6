import { z } from "zod";

/** What a mistake says about the place where it was made. */
export interface Allowed {
  /** What may stand there, after "expected": `a size such as "512MB" or "16GB"`. */
  readonly expected: string;
  /** What to do, in brackets after it. */
  readonly advice?: string;
}

/** What may stand in a place of the schema, in words. Places whose type says it all (enums, booleans) have no entry. */
export const allowed = z.registry<Allowed>();
