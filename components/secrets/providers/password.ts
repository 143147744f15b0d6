import { randomBytes } from "node:crypto";

/** 192 random bits in 32 characters of the URL-safe base64 alphabet: needs no quoting in any file or URI. */
const RANDOM_BYTES = 24;

export async function create() {
  const value = randomBytes(RANDOM_BYTES).toString("base64url");
  return { id: "password", outs: { value } };
}

export async function diff() {
  return { changes: false };
}
