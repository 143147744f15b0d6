/**
 * Locks between the processes of this host. A killed update's provider may still be making a machine while the next update starts: both
 * must not work on one machine at once.
 *
 * A lock is a listening socket in Linux's abstract namespace: there is no file to leave behind, and the kernel frees it with its process.
 */
import { createServer, type Server } from "node:net";
import { until } from "./wait";

/** Longer than the longest work under a lock: a power cycle that needs all of its time. */
const WAIT_SECONDS = 120;

/** Runs `work` alone on this host among all that use the same name. Not to be nested with the same name. */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const lock = await until(`another process of this host works on ${name}`, WAIT_SECONDS, () => tryLock(name));
  try {
    return await work();
  } finally {
    await new Promise((resolve) => lock.close(resolve));
  }
}

function tryLock(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(`\0pgkeel-lab:${name}`, () => resolve(server));
  });
}

export const machineLock = ({ cluster, key }: { cluster: string; key: string }) => `machine ${cluster}/${key}`;
export const networkLock = (cluster: string) => `network ${cluster}`;
/** For the moment between looking whether something that all labs share is free and taking it. */
export const HOST_LOCK = "host";
