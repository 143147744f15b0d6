/** How values of PostgreSQL's parameters are written in a declaration. */

/** A number. */
export type NumberValue = number | `${number}`;
/** A quantity of memory with its unit ("256MB"); a bare number counts in the parameter's own unit. */
export type MemoryValue = NumberValue | `${number}${"B" | "kB" | "MB" | "GB" | "TB"}`;
/** A duration with its unit ("250ms"); a bare number counts in the parameter's own unit. */
export type TimeValue = NumberValue | `${number}${"us" | "ms" | "s" | "min" | "h" | "d"}`;
/** On or off. */
export type SwitchValue = boolean | "on" | "off";
