/** `command:remote:CopyToRemote`: copies a file, a text or a directory to a machine by SFTP. */
import * as fs from "node:fs";
import * as path from "node:path";
import type { Client, SFTPWrapper, Stats } from "ssh2";
import { readConnection } from "./connection";
import { type PropertyObject, reveal, type Source, source } from "./property-values";
import type { Surroundings } from "./remote-command";
import { messageOf } from "./ssh";

/** SFTP's status code for a file that does not exist. */
const NO_SUCH_FILE = 2;

/**
 * What is wrong with the source of a copy, or undefined.
 */
export function sourceProblem(given: Source | undefined): string | undefined {
  if (given === undefined) return undefined;
  if (given.kind === "asset" && given.path === undefined && given.text === undefined) {
    return "asset must be a path-based file asset or a text asset";
  }
  if (given.kind === "archive" && given.path === undefined) return "archive must be a path to a file or directory";
  return undefined;
}

/** Copies the source of a CopyToRemote resource to its remotePath. */
export async function copyToRemote(inputs: PropertyObject, { connections, status }: Surroundings): Promise<void> {
  const given = source(inputs.source) ?? source(reveal(inputs.source));
  const problem = sourceProblem(given);
  if (given === undefined || problem !== undefined) throw new Error(problem ?? "source must be an asset or an archive");
  const destination = `${reveal(inputs.remotePath)}`;
  await connections.use(readConnection(inputs.connection), status, async (client) => {
    const sftp = await openSftp(client);
    try {
      const remote = new RemoteFiles(sftp);
      if (given.path !== undefined) await copyPath(remote, given.path, destination);
      else await copyText(remote, given.text ?? "", destination);
    } finally {
      sftp.end();
    }
  });
}

function openSftp(client: Client): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) =>
      error ? reject(new Error(`no SFTP on the machine: ${error.message}`)) : resolve(sftp),
    );
  });
}

async function copyText(remote: RemoteFiles, text: string, destination: string): Promise<void> {
  if ((await remote.stat(destination))?.isDirectory()) {
    throw new Error(
      `remote path ${destination} is a directory; when using a text asset, remotePath must be a file path`,
    );
  }
  await remote.write(text, destination);
}

/**
 * Where a local path lands:
 *
 * | source | destination is a directory | does not exist | is a file |
 * | ------ | -------------------------- | -------------- | --------- |
 * | file   | into it                    | this file      | replaced  |
 * | dir    | into it, as dir            | made, dir in it| error     |
 * | dir/   | its content into it        | made, content in it | error |
 */
async function copyPath(remote: RemoteFiles, local: string, destination: string): Promise<void> {
  const existing = await remote.stat(destination);
  if (!fs.statSync(local).isDirectory()) {
    const file = existing?.isDirectory() ? path.posix.join(destination, path.basename(local)) : destination;
    return remote.upload(local, file);
  }
  if (existing === undefined) await remote.makeDirectory(destination);
  const root = local.endsWith("/") ? destination : path.posix.join(destination, path.basename(local));
  await copyDirectory(remote, local, root);
}

async function copyDirectory(remote: RemoteFiles, local: string, destination: string): Promise<void> {
  const existing = await remote.stat(destination);
  if (existing === undefined) await remote.makeDirectory(destination);
  else if (!existing.isDirectory()) throw new Error(`remote path ${destination} exists but is not a directory`);
  for (const entry of fs.readdirSync(local, { withFileTypes: true })) {
    const [from, to] = [path.join(local, entry.name), path.posix.join(destination, entry.name)];
    if (entry.isDirectory()) await copyDirectory(remote, from, to);
    else await remote.upload(from, to);
  }
}

/** The few operations on files of the machine that a copy needs, with errors that name the file. */
class RemoteFiles {
  constructor(readonly sftp: SFTPWrapper) {}

  /** undefined when it does not exist. */
  stat(file: string): Promise<Stats | undefined> {
    return new Promise((resolve, reject) => {
      this.sftp.stat(file, (error, stats) => {
        if (!error) resolve(stats);
        else if ((error as { code?: unknown }).code === NO_SUCH_FILE) resolve(undefined);
        else reject(new Error(`failed to stat remote path ${file}: ${error.message}`));
      });
    });
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#call(`failed to create remote directory ${directory}`, (done) => this.sftp.mkdir(directory, done));
  }

  write(text: string, file: string): Promise<void> {
    return this.#call(`failed to write text content to remote path ${file}`, (done) =>
      this.sftp.writeFile(file, text, done),
    );
  }

  upload(local: string, file: string): Promise<void> {
    return this.#call(`failed to copy file ${local} to remote path ${file}`, (done) =>
      this.sftp.fastPut(local, file, done),
    );
  }

  #call(what: string, operation: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      operation((error) => (error ? reject(new Error(`${what}: ${messageOf(error)}`)) : resolve()));
    });
  }
}
