import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

interface LocalFileInputs {
  /** Relative to the project, so that the state says the same on every host. */
  readonly path: string;
  readonly content: string;
}

async function write(inputs: LocalFileInputs) {
  await mkdir(dirname(inputs.path), { recursive: true });
  const aside = `${inputs.path}.${process.pid}`;
  await writeFile(aside, inputs.content, { mode: 0o644 });
  await rename(aside, inputs.path);
  return { path: inputs.path, content: inputs.content };
}

export async function create(inputs: LocalFileInputs) {
  return { id: inputs.path, outs: await write(inputs) };
}

/** Compares with the file itself: another host, or a fresh clone, does not have it yet. */
export async function diff(_id: string, old: LocalFileInputs, inputs: LocalFileInputs) {
  const present = await readFile(inputs.path, "utf8").catch(() => undefined);
  const replaces = old.path === inputs.path ? [] : ["path"];
  return { changes: replaces.length > 0 || present !== inputs.content, replaces };
}

export async function update(_id: string, _old: LocalFileInputs, inputs: LocalFileInputs) {
  return { outs: await write(inputs) };
}

export async function remove(_id: string, state: LocalFileInputs) {
  await rm(state.path, { force: true });
}
