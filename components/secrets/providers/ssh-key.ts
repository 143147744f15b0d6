import { utils } from "ssh2";

interface SshKeyInputs {
  readonly comment: string;
}

/** An Ed25519 key pair in OpenSSH's formats. */
export async function create(inputs: SshKeyInputs) {
  const pair = readablePair(inputs.comment);
  return { id: inputs.comment, outs: { comment: inputs.comment, publicKey: pair.public, privateKey: pair.private } };
}

/**
 * A pair that can be read: ssh2 1.17 cuts zero bytes off the front of a public key, so one pair in 256 is malformed
 * (github.com/mscdex/ssh2/issues/1513).
 */
function readablePair(comment: string): { readonly public: string; readonly private: string } {
  for (;;) {
    const pair = utils.generateKeyPairSync("ed25519", { comment });
    if ([pair.public, pair.private].every((key) => !(utils.parseKey(key) instanceof Error))) return pair;
  }
}

export async function diff() {
  return { changes: false };
}
