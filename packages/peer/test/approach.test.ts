import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { ManualClock } from "@cachetorrent/clock";
import { expect, it, onTestFinished } from "vitest";
import { ByteReader } from "../src/encryption/byte-reader.ts";
import { METHOD } from "../src/encryption/encryption-mode.ts";
import { KeyExchange, PUBLIC_KEY_BYTES } from "../src/encryption/key-exchange.ts";
import { respond } from "../src/encryption/mse.ts";
import { Approach } from "../src/neighbours/approach.ts";
import { Dialer } from "../src/neighbours/dialer.ts";
import { keptLog } from "./support/kept-log.ts";
import { endpoint, infoHash } from "./support/samples.ts";
import { until } from "./support/until.ts";

/** Somebody who hangs up at whatever he hears first, and what that was. */
async function hangingUp() {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (bytes: Uint8Array) => {
      heard.push(Buffer.from(bytes).toString() === "plain" ? "plain" : "encrypted");
      socket.destroy();
    });
  });
  server.listen(0, "127.9.0.2");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { at: endpoint(`127.9.0.2:${(server.address() as AddressInfo).port}`), heard };
}

it("whoever hangs up is dialled encrypted now and then, for mostly he is full and keys are dear", async () => {
  const { at, heard } = await hangingUp();
  const clock = new ManualClock();
  const dialer = new Dialer(clock, endpoint("127.1.0.1:1").address);
  const approach = new Approach({ clock, dialer, encryption: "allow", infoHash, log: keptLog().log });
  const ways: string[] = [];
  for (let dials = 0; dials < 18; dials++) {
    const before = heard.length;
    const transport = await approach.dial(at);
    transport?.write("plain");
    await until("it is heard", () => heard.length > before && heard.at(-1) === "plain");
    transport?.destroy();
    ways.push(heard.slice(before).join(", then "));
    approach.rebuffed(at);
  }
  const encrypted = ways.flatMap((way, dial) => (way === "encrypted, then plain" ? [dial] : []));
  expect(encrypted).toEqual([1, 4, 16]);
  expect(ways.filter((way) => way === "plain")).toHaveLength(15);
});

/** Somebody who takes encryption, but that it leaves out the leading zeros of secrets, of which the first `zeros` have one. */
async function leavingOutZeros(zeros: number) {
  let dials = 0;
  const server = createServer(async (socket) => {
    socket.on("error", () => socket.destroy());
    const reader = new ByteReader(socket);
    if (++dials > zeros) {
      const { transport } = await respond(socket, reader, {
        infoHashes: [infoHash],
        choose: () => METHOD.rc4,
      });
      transport.end("hello");
      return;
    }
    const theirs = await reader.read(PUBLIC_KEY_BYTES);
    let exchange = new KeyExchange();
    while (exchange.secretWith(theirs)?.[0] !== 0) exchange = new KeyExchange();
    socket.end(exchange.publicKey);
  });
  server.listen(0, "127.9.0.2");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return {
    at: endpoint(`127.9.0.2:${(server.address() as AddressInfo).port}`),
    get dials() {
      return dials;
    },
  };
}

it.each([
  [1, "hello"],
  [2, undefined],
])(
  "whoever hung up at a secret that begins with a zero is dialled once more at once: %i such",
  async (zeros, heard) => {
    const other = await leavingOutZeros(zeros);
    const clock = new ManualClock();
    const dialer = new Dialer(clock, endpoint("127.1.0.1:1").address);
    const approach = new Approach({ clock, dialer, encryption: "require", infoHash, log: keptLog().log });
    const transport = await approach.dial(other.at);
    expect(other.dials).toBe(2);
    const [said] = transport ? await once(transport, "data") : [];
    expect(said?.toString()).toBe(heard);
    transport?.destroy();
  },
);
