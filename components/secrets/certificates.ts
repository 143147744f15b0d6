/**
 * Certificates of a cluster: one authority of its own, one certificate per machine. ECDSA P-256: accepted by PostgreSQL,
 * libpq, etcd, HAProxy, PgBouncer and Patroni alike, and cheap in handshakes.
 */
import "reflect-metadata";
import { randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;
/** Certificates start a little in the past, for machines whose clocks are behind. */
const CLOCK_TOLERANCE_MS = 3_600_000;

export interface IssuedCertificate {
  /** PEM. */
  readonly certificate: string;
  /** PKCS #8, PEM. */
  readonly privateKey: string;
  /** ISO 8601, UTC. */
  readonly expires: string;
}

export interface MachineNames {
  readonly hostname: string;
  readonly key: string;
  readonly address: string;
}

/** A self-signed authority for one cluster. */
export async function createAuthority(cluster: string, validityDays: number, now: Date): Promise<IssuedCertificate> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=pgkeel ${cluster} CA`,
    ...validity(validityDays, now),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return issued(certificate, keys.privateKey);
}

/**
 * A certificate for every service of one machine, as server and as client. It has no common name that etcd could take
 * for a user: etcd authenticates by password, and refuses the names of certificates on its HTTP gateway.
 */
export async function issueMachineCertificate(
  authority: Pick<IssuedCertificate, "certificate" | "privateKey">,
  machine: MachineNames,
  validityDays: number,
  now: Date,
): Promise<IssuedCertificate> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    x509.PemConverter.decodeFirst(authority.privateKey),
    ALGORITHM,
    false,
    ["sign"],
  );
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `OU=${machine.hostname}`,
    issuer: issuer.subject,
    ...validity(validityDays, now),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: machine.hostname },
        { type: "dns", value: machine.key },
        { type: "dns", value: "localhost" },
        { type: "ip", value: machine.address },
        { type: "ip", value: "127.0.0.1" },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return issued(certificate, keys.privateKey);
}

/** Whether a certificate should be issued anew: fewer than `renewBeforeDays` are left of it. */
export function needsRenewal(expires: string, renewBeforeDays: number, now: Date): boolean {
  return Date.parse(expires) - now.getTime() < renewBeforeDays * DAY_MS;
}

function generateKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as Promise<webcrypto.CryptoKeyPair>;
}

/** 127 random bits: positive, and unlike any other. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function validity(days: number, now: Date) {
  return {
    notBefore: new Date(now.getTime() - CLOCK_TOLERANCE_MS),
    notAfter: new Date(now.getTime() + days * DAY_MS),
  };
}

async function issued(certificate: x509.X509Certificate, privateKey: webcrypto.CryptoKey): Promise<IssuedCertificate> {
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", privateKey);
  return {
    certificate: `${certificate.toString("pem")}\n`,
    privateKey: `${x509.PemConverter.encode(pkcs8, "PRIVATE KEY")}\n`,
    expires: certificate.notAfter.toISOString(),
  };
}
