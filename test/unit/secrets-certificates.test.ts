import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createAuthority, issueMachineCertificate, needsRenewal } from "../../components/secrets/certificates";

const now = new Date("2026-01-15T12:00:00Z");
const machine = { hostname: "lab-db-1", key: "db-1", address: "198.18.0.11" };

describe("certificates", () => {
  it("chain to the cluster's authority, and to no other", async () => {
    const authority = await createAuthority("lab", 3650, now);
    const other = await createAuthority("lab", 3650, now);
    const issued = new X509Certificate((await issueMachineCertificate(authority, machine, 398, now)).certificate);
    expect(issued.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
    expect(issued.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    expect(issued.verify(new X509Certificate(other.certificate).publicKey)).toBe(false);
  });

  it("are valid for every name of the machine, for both ends of a connection, and have no common name", async () => {
    const authority = await createAuthority("lab", 3650, now);
    const issued = new X509Certificate((await issueMachineCertificate(authority, machine, 398, now)).certificate);
    for (const host of ["lab-db-1", "db-1", "localhost"]) expect(issued.checkHost(host)).toBe(host);
    for (const ip of ["198.18.0.11", "127.0.0.1"]) expect(issued.checkIP(ip)).toBe(ip);
    expect(issued.checkIP("198.18.0.12")).toBeUndefined();
    expect(issued.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    expect(issued.subject).not.toContain("CN=");
    expect(issued.ca).toBe(false);
  });

  it("hold for the days that were asked for", async () => {
    const authority = await createAuthority("lab", 3650, now);
    const issued = await issueMachineCertificate(authority, machine, 398, now);
    expect(issued.expires).toBe("2027-02-17T12:00:00.000Z");
    expect(new X509Certificate(authority.certificate).validToDate.toISOString()).toBe("2036-01-13T12:00:00.000Z");
  });

  it("are renewed in their last days only", () => {
    const expires = "2027-02-17T12:00:00.000Z";
    expect(needsRenewal(expires, 60, new Date("2026-12-19T11:59:59Z"))).toBe(false);
    expect(needsRenewal(expires, 60, new Date("2026-12-19T12:00:01Z"))).toBe(true);
    expect(needsRenewal(expires, 60, new Date("2028-01-01T00:00:00Z"))).toBe(true);
  });
});
