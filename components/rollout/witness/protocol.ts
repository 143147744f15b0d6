/** What the program and its witness say to each other: one JSON document a line, over the child's standard streams. */
import type { AccessMachine, ClusterAccess } from "../../operate/access";
import type { Measured } from "../../operate/witness/proof";

export type ToWitness =
  | { readonly kind: "begin"; readonly access: ClusterAccess; readonly password: string }
  /** How a machine is reached from now on. */
  | { readonly kind: "reach"; readonly machine: AccessMachine }
  | { readonly kind: "finish"; readonly access?: ClusterAccess };

export type FromWitness =
  /** Its clients are at work. */
  | { readonly kind: "ready" }
  | { readonly kind: "measured"; readonly measured: Measured }
  /** It can prove nothing, and ends. */
  | { readonly kind: "failed"; readonly why: string };
