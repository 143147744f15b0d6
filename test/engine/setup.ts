/** What all engine tests share: one SSH server. */
import { type SshTarget, startSshd } from "./harness/sshd";

declare module "vitest" {
  export interface ProvidedContext {
    ssh: SshTarget;
  }
}

/** What vitest hands to a global set-up, as far as it is used here. */
interface Provider {
  provide(name: "ssh", value: SshTarget): void;
}

export default async function setup(project: Provider): Promise<() => Promise<void>> {
  const sshd = await startSshd();
  project.provide("ssh", sshd.target);
  return () => sshd.stop();
}
