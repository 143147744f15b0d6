import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/** PostgreSQL's default (scram_iterations); RFC 7677 asks for at least as many. */
const ITERATIONS = 4096;

/** A salt derived from public names, so that a password gives the same text every time: a salt has to be unlike others, not secret. */
export function scramSalt(cluster: string, role: string): Buffer {
  return createHash("sha256").update(`pgkeel scram salt\0${cluster}\0${role}`).digest().subarray(0, 16);
}

/**
 * What PostgreSQL stores of a password (RFC 5802, RFC 7677): whoever reads it cannot log in with it, so it may stand in
 * SQL text where a password may not. The password is used as it is: ASCII, which SASLprep leaves alone.
 * @throws Error when the password is empty or not printable ASCII; the message does not tell it.
 */
export function scramVerifier(password: string, salt: Buffer): string {
  if (!/^[\x20-\x7e]+$/.test(password))
    throw new Error("a password has characters other than printable ASCII, or none");
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
  const serverKey = hmac("Server Key").toString("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
