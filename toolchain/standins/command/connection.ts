/** How a resource says which machine to reach: the `connection` input, as plain values. */
import { isObject, type PropertyValue, revealObject } from "./property-values";

/** One SSH server and how to log in there. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly privateKey?: string;
  readonly privateKeyPassword?: string;
  readonly agentSocketPath?: string;
  /** Public key of the server as in an authorized_keys line; without it any key is accepted. */
  readonly hostKey?: string;
  /** Failed attempts to connect that are tolerated; -1: any number. */
  readonly dialErrorLimit: number;
  /** Longest time of one attempt; 0: no limit. */
  readonly perDialTimeoutSeconds: number;
}

/** A machine, reached directly or through a bastion. */
export interface Connection extends Endpoint {
  readonly proxy?: Endpoint;
}

/** Reads a checked `connection` input. */
export function readConnection(value: PropertyValue | undefined): Connection {
  const plain = revealObject(value);
  return { ...readEndpoint(plain), ...(isObject(plain.proxy) ? { proxy: readEndpoint(plain.proxy) } : {}) };
}

function readEndpoint(value: PropertyValue | undefined): Endpoint {
  const plain = revealObject(value);
  const text = (name: string) => (typeof plain[name] === "string" ? { [name]: plain[name] } : {});
  const number = (name: string, fallback: number) => (typeof plain[name] === "number" ? plain[name] : fallback);
  return {
    host: `${plain.host ?? ""}`,
    port: number("port", 22),
    user: typeof plain.user === "string" ? plain.user : "root",
    ...text("password"),
    ...text("privateKey"),
    ...text("privateKeyPassword"),
    ...text("agentSocketPath"),
    ...text("hostKey"),
    dialErrorLimit: number("dialErrorLimit", 10),
    perDialTimeoutSeconds: number("perDialTimeout", 15),
  };
}
