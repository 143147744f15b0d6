import { createHash } from "node:crypto";
import type { ServiceBundle, ServiceFile } from "../services/types";

const HEADER = "=== ";

/** Where a service's converge script lives on a machine; `converge.sh` looks for it there. */
export function scriptPath(service: string): string {
  return `/usr/local/lib/pgkeel/services/${service}`;
}

/**
 * Writes files in the bundle format of `converge.sh`: readable, so that a changed bundle previews as a diff of the
 * changed lines. Throws on content that the format cannot carry; that is an error in a renderer, never in a spec.
 */
export function renderFiles(files: readonly ServiceFile[]): string {
  return [...files]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map((file) => {
      if (/\s/.test(file.path) || !file.path.startsWith("/"))
        throw new Error(`not an absolute path without spaces: "${file.path}"`);
      if (!file.content.endsWith("\n")) throw new Error(`${file.path}: content must end with a newline`);
      if (file.content.split("\n").some((line) => line.startsWith(HEADER)))
        throw new Error(`${file.path}: a line of its content begins with "${HEADER}", which marks a file in a bundle`);
      return `${HEADER}${file.path} ${file.owner} ${file.mode}\n${file.content}`;
    })
    .join("");
}

/**
 * A service's whole main bundle. `secretsFingerprint` makes the service converge again when only its secrets changed,
 * without showing them.
 */
export function renderBundle(bundle: ServiceBundle, secretsFingerprint?: string): string {
  const script: ServiceFile = {
    path: scriptPath(bundle.service),
    owner: "root:root",
    mode: "0755",
    content: bundle.script,
  };
  const head = secretsFingerprint === undefined ? "" : `secrets ${secretsFingerprint}\n`;
  return head + renderFiles([...bundle.files, script]);
}

/**
 * A short digest that changes with the secrets and does not tell them: all of them hold random values of at least
 * 128 bits (generated passwords and keys), so the digest cannot be searched.
 */
export function fingerprint(files: readonly ServiceFile[]): string {
  return createHash("sha256").update(renderFiles(files)).digest("hex").slice(0, 16);
}
