import { utils } from "ssh2";
import { expect, it } from "vitest";
import { create } from "../../components/secrets/providers/ssh-key";

it("every SSH key that is made can be read", async () => {
  // One in 256 that the library makes cannot: of a thousand, none with a chance of 2 %.
  for (let i = 0; i < 1000; i++) {
    const { outs } = await create({ comment: "test" });
    for (const key of [outs.publicKey, outs.privateKey]) expect(utils.parseKey(key)).not.toBeInstanceOf(Error);
  }
});
