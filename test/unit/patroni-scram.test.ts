import { createHash, createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { scramSalt, scramVerifier } from "../../components/services/patroni/scram";

describe("SCRAM verifier", () => {
  it("lets in the client of RFC 7677's example, and proves the server to it", () => {
    const salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
    const exchange =
      "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
      `s=${salt},i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`;
    const verifier = scramVerifier("pencil", Buffer.from(salt, "base64"));
    const [, storedKey, serverKey] = /^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$(.+):(.+)$/.exec(verifier) ?? [];
    const sign = (key: string | undefined) =>
      createHmac("sha256", Buffer.from(key ?? "", "base64"))
        .update(exchange)
        .digest();

    const proof = Buffer.from("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "base64");
    const clientKey = sign(storedKey).map((byte, index) => byte ^ (proof[index] as number));
    expect(createHash("sha256").update(clientKey).digest("base64")).toBe(storedKey);
    expect(sign(serverKey).toString("base64")).toBe("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  });

  it("has a salt of its own for each cluster and role", () => {
    const salts = [scramSalt("a", "x"), scramSalt("a", "y"), scramSalt("b", "x"), scramSalt("a", "x")];
    expect(new Set(salts.map((salt) => salt.toString("hex"))).size).toBe(3);
  });

  it("refuses what SASLprep would change, without telling it", () => {
    expect(() => scramVerifier("pässword", scramSalt("a", "x"))).toThrow(/^(?!.*pässword)/);
    expect(() => scramVerifier("", scramSalt("a", "x"))).toThrow("none");
  });
});
