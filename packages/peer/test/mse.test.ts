import { once } from "node:events";
import type { Socket } from "node:net";
import { infoHashFromBytes } from "@cachetorrent/protocol";
import Wire from "bittorrent-protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader } from "../src/encryption/byte-reader.ts";
import { METHOD } from "../src/encryption/encryption-mode.ts";
import { KeyExchange } from "../src/encryption/key-exchange.ts";
import { type Encrypted, initiate, respond } from "../src/encryption/mse.ts";
import { infoHash } from "./support/samples.ts";
import { socketPair } from "./support/socket-pair.ts";
import { noise } from "./support/torrents.ts";

const other = infoHashFromBytes(new Uint8Array(20).fill(0x22));
const BOTH = METHOD.plaintext | METHOD.rc4;

const dial = (socket: Socket, offered = BOTH, about = infoHash) =>
  initiate(socket, new ByteReader(socket), { infoHash: about, offered });

const answer = (socket: Socket, chosen: number | undefined = METHOD.rc4) =>
  respond(socket, new ByteReader(socket), { infoHashes: [other, infoHash], choose: () => chosen });

/** The whole of what comes until the other side ends. */
async function all({ transport }: Encrypted): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of transport) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Passes on what comes from one to the other in chunks of these sizes, over and over. */
async function chop(from: Socket, to: Socket, sizes: readonly number[]): Promise<void> {
  to.setNoDelay(true);
  // Its other direction may still have something to bring.
  from.allowHalfOpen = true;
  let turn = 0;
  for await (const bytes of from.iterator({ destroyOnReturn: false })) {
    for (let at = 0; at < bytes.length; ) {
      const size = sizes[turn++ % sizes.length] ?? 1;
      to.write(bytes.subarray(at, at + size));
      at += size;
      // Each leaves on its own.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  to.end();
}

describe("both sides of an encrypted handshake", () => {
  it.each([
    ["RC4", METHOD.rc4],
    ["plaintext", METHOD.plaintext],
  ])("agree on %s, and lose nothing of what is sent at once", async (_, method) => {
    const [one, two] = await socketPair();
    const [dialled, answered] = await Promise.all([dial(one), answer(two, method)]);
    expect([dialled.method, answered.method, answered.infoHash]).toEqual([method, method, infoHash]);
    const [there, back] = [Buffer.from(noise(300_000)), Buffer.from(noise(200_000))];
    dialled.transport.end(there);
    answered.transport.end(back);
    const [gotBack, gotThere] = await Promise.all([all(dialled), all(answered)]);
    expect(gotThere.equals(there)).toBe(true);
    expect(gotBack.equals(back)).toBe(true);
  });

  it("do so however their bytes are cut", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 });
    const run = async (sizesThere: readonly number[], sizesBack: readonly number[]): Promise<void> => {
      const [one, half] = await socketPair();
      const [otherHalf, two] = await socketPair();
      void chop(half, otherHalf, sizesThere);
      void chop(otherHalf, half, sizesBack);
      const [dialled, answered] = await Promise.all([dial(one), answer(two)]);
      dialled.transport.end("there");
      answered.transport.end("back");
      expect((await Promise.all([all(answered), all(dialled)])).map(String)).toEqual(["there", "back"]);
    };
    await run([1], [1]);
    await fc.assert(fc.asyncProperty(sizes, sizes, run), { numRuns: 10 });
  });

  it("tell those who wait for room in the socket, and count what waits", async () => {
    const [one, two] = await socketPair();
    const [{ transport }, answered] = await Promise.all([dial(one), answer(two)]);
    const bytes = Buffer.from(noise(8_000_000));
    transport.cork();
    for (let at = 0; at < bytes.length; at += 100_000) transport.write(bytes.subarray(at, at + 100_000));
    transport.uncork();
    expect(transport.writableLength).toBe(bytes.length);
    const got = all(answered);
    await once(transport, "drain");
    expect(transport.writableLength).toBe(0);
    transport.end();
    expect((await got).equals(bytes)).toBe(true);
  });

  it("take nothing in while nobody reads", async () => {
    const [one, two] = await socketPair();
    const [dialled, answered] = await Promise.all([dial(one), answer(two)]);
    const endless = Buffer.alloc(64 * 1024 * 1024);
    dialled.transport.write(endless);
    answered.transport.once("readable", () => undefined);
    await once(answered.transport, "readable");
    const received = two.bytesRead;
    expect(received).toBeLessThan(1024 * 1024);
    expect(answered.transport.readableLength).toBeLessThan(1024 * 1024);
  });

  it("end together, in error too", async () => {
    const [one, two] = await socketPair();
    const [dialled, answered] = await Promise.all([dial(one), answer(two)]);
    const failed = once(answered.transport, "error");
    const closed = new Promise((resolve) => answered.transport.on("close", resolve));
    answered.transport.resume();
    one.resetAndDestroy();
    expect(String(await failed)).toMatch("ECONNRESET");
    await closed;
    expect(two.destroyed).toBe(true);
    expect(dialled.transport.destroyed).toBe(true);
  });
});

describe("the encryption of bittorrent-protocol", () => {
  function encryptingWire(type: "tcpIncoming" | "tcpOutgoing", socket: Socket, level: 1 | 2) {
    const wire = new (Wire as unknown as new (type: string, level: number) => Wire & Encrypting)(type, level);
    wire.on("data", (bytes) => void socket.write(bytes));
    socket.on("data", (bytes: Buffer) => void wire.write(bytes));
    return wire;
  }
  interface Encrypting {
    startEncryption(infoHash: string): void;
    setInfoHash?(infoHash: string): void;
    readonly _encryptor: { setInfoHash(infoHash: string): void };
    once(event: "crypto-infohash" | "crypto-handshake", listener: () => void): void;
  }

  it("reads what we dial with", async () => {
    const [one, two] = await socketPair();
    const wire = encryptingWire("tcpIncoming", two, 2);
    wire.once("crypto-infohash", () => wire._encryptor.setInfoHash(infoHash));
    const dialled = await dial(one);
    expect(dialled.method).toBe(METHOD.rc4);
    const handshake = new Promise((resolve) => wire.on("handshake", resolve));
    dialled.transport.write(
      Buffer.concat([Buffer.from("\x13BitTorrent protocol"), Buffer.alloc(8), Buffer.alloc(40, 0x11)]),
    );
    expect(await handshake).toBe(infoHash);
  });

  it("is read by us when it dials", async () => {
    const [one, two] = await socketPair();
    const wire = encryptingWire("tcpOutgoing", one, 2);
    wire.startEncryption(infoHash);
    const answered = await answer(two);
    expect(answered).toMatchObject({ infoHash, method: METHOD.rc4 });
  });
});

describe("an encrypted handshake fails", () => {
  const key = () => new KeyExchange().publicKey;

  it.each([
    ["a public key of 0", Buffer.alloc(96), /a public key that is none/],
    ["a public key of 1", Buffer.concat([Buffer.alloc(95), Buffer.from([1])]), /a public key that is none/],
    ["a public key beyond the prime", Buffer.alloc(96, 0xff), /a public key that is none/],
    ["padding without end", Buffer.concat([key(), Buffer.alloc(100_000)]), /too much padding/],
    ["the key and no more", Buffer.from(key()), /hung up/],
    ["half a key", Buffer.from(key().subarray(0, 48)), /hung up/],
  ])("for who was dialled, at %s", async (_, bytes, why) => {
    const [one, two] = await socketPair();
    one.on("error", () => one.destroy());
    one.end(bytes);
    await expect(answer(two)).rejects.toThrow(why);
    two.destroy();
  });

  it.each([
    [
      "a plaintext handshake",
      Buffer.concat([Buffer.from("\x13BitTorrent protocol"), Buffer.alloc(48)]),
      /hung up/,
    ],
    ["padding without end", Buffer.concat([key(), Buffer.alloc(100_000)]), /too much padding/],
    ["a public key of 0", Buffer.alloc(96), /a public key that is none/],
    ["the key and no more", Buffer.from(key()), /hung up/],
    ["nothing", Buffer.alloc(0), /hung up/],
  ])("for who dialled, at %s", async (_, bytes, why) => {
    const [one, two] = await socketPair();
    two.on("error", () => two.destroy());
    two.end(bytes);
    await expect(dial(one)).rejects.toThrow(why);
    one.destroy();
  });

  it("when the torrent is not there", async () => {
    const [one, two] = await socketPair();
    const strange = infoHashFromBytes(new Uint8Array(20).fill(0x33));
    const dialled = dial(one, BOTH, strange);
    await expect(answer(two)).rejects.toThrow("the torrent is not here");
    two.destroy();
    await expect(dialled).rejects.toThrow("hung up");
  });

  it("when there is no method that both take", async () => {
    const [one, two] = await socketPair();
    const dialled = dial(one, METHOD.plaintext);
    const refusing = respond(two, new ByteReader(two), { infoHashes: [infoHash], choose: () => undefined });
    await expect(refusing).rejects.toThrow("only methods that are not accepted here");
    two.destroy();
    await expect(dialled).rejects.toThrow("hung up");
  });

  it.each([[METHOD.plaintext], [0], [BOTH], [4]])(
    "when RC4 was offered and method %d is chosen",
    async (chosen) => {
      const [one, two] = await socketPair();
      const dialled = dial(one, METHOD.rc4);
      await Promise.all([
        expect(dialled).rejects.toThrow(`method ${chosen} was chosen and not offered`),
        answer(two, chosen),
      ]);
    },
  );
});
