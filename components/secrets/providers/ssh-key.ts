import { utils } from "ssh2";

interface SshKeyInputs {
  readonly comment: string;
}

/** An Ed25519 key pair in OpenSSH's formats. */
export async function create(inputs: SshKeyInputs) {
  const pair = utils.generateKeyPairSync("ed25519", { comment: inputs.comment });
  return { id: inputs.comment, outs: { comment: inputs.comment, publicKey: pair.public, privateKey: pair.private } };
}

export async function diff() {
  return { changes: false };
}
