import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/** PostgreSQL's default (scram_iterations); RFC 7677 asks for at least as many. */
const ITERATIONS = 4096;

/**
 * What PostgreSQL stores of a password (RFC 5802, RFC 7677): whoever reads it cannot log in with it, so it may stand in
 * SQL text where a password may not. The salt is derived from public names, so that the same password gives the same
 * text; a salt has to be unlike others, not secret. The password is used as it is: ASCII, which SASLprep leaves alone.
 * @throws Error when the password is empty or not printable ASCII; the message does not tell it.
 */
export function scramVerifier(password: string, cluster: string, role: string): string {
  if (!/^[\x20-\x7e]+$/.test(password)) throw new Error(`password of ${role}: expected printable ASCII characters`);
  const salt = createHash("sha256").update(`pgkeel scram salt\0${cluster}\0${role}`).digest().subarray(0, 16);
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
  const serverKey = hmac("Server Key").toString("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
