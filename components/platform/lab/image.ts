/** The image that machines are cloned from. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command";

const script = join(__dirname, "../../../toolchain/lab/image.sh");

/**
 * Root directory of the image of the current recipe.
 * @throws Where it has not been built.
 */
export async function imageRoot(): Promise<string> {
  const root = (await run("bash", script, "path")).trim();
  const built = await access(root).then(
    () => true,
    () => false,
  );
  if (!built)
    throw new Error(`the lab's image ${root} has not been built; run npm run setup, or toolchain/lab/image.sh ensure`);
  return root;
}
