/** Every secret of a stack in plain text, to look for where it must not be. */

/** What Pulumi's state has in place of a secret; with --show-secrets it holds the JSON of the value. */
const SECRET_MARK = "4dabf18193072939515e22adb298388d";
/** The fields of resources that are nothing but one secret. Others hold secrets among other text. */
const ATOMS = ["value", "privateKey"];

interface Deployment {
  readonly deployment: {
    readonly resources: readonly { readonly type: string; readonly outputs?: Readonly<Record<string, unknown>> }[];
  };
}

/**
 * Passwords as they are, and of private keys their second line: enough to find a key wherever it lies, and it never occurs
 * elsewhere, while the first line is the same for all keys.
 * @param exported `pulumi stack export --show-secrets`.
 */
export function plainSecrets(exported: string): string[] {
  const { resources } = (JSON.parse(exported) as Deployment).deployment;
  const generated = resources.filter(({ type }) => type.startsWith("pulumi-nodejs:dynamic/secrets:"));
  return generated.flatMap(({ outputs = {} }) =>
    ATOMS.flatMap((name) => {
      const text = plain(outputs[name]);
      if (text === undefined) return [];
      return text.startsWith("-----BEGIN") ? [text.split("\n")[1] as string] : [text];
    }),
  );
}

function plain(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !(SECRET_MARK in value)) return undefined;
  const { plaintext } = value as { plaintext?: string };
  return plaintext === undefined ? undefined : (JSON.parse(plaintext) as string);
}
