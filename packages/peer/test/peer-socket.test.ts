import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { PeerSocket } from "../src/wire/peer-socket.ts";
import { KIB, noise } from "./support/torrents.ts";
import { until } from "./support/until.ts";

it.each(["who dialled", "who accepted"])(
  "%s looks at all that comes, in order, without a copy of it",
  async (who) => {
    const { dialled, accepted } = await pair();
    const [reader, writer] = who === "who dialled" ? [dialled, accepted] : [accepted, dialled];
    const sent = noise(3000 * KIB);
    const heard: Buffer[] = [];
    const memory = new Set<ArrayBufferLike>();
    reader.feed((bytes) => {
      heard.push(Buffer.from(bytes));
      memory.add(bytes.buffer);
    });
    reader.resume();
    writer.end(sent);
    await once(reader, "end");
    expect(Buffer.concat(heard).equals(sent)).toBe(true);
    expect(memory.size).toBe(1);
  },
);

it("reads for several at a time, each of whom gets what is his", async () => {
  const pairs = await Promise.all([1, 2, 3].map(pair));
  const all = pairs.map(async ({ accepted, dialled }, at) => {
    const heard: Buffer[] = [];
    accepted.feed((bytes) => heard.push(Buffer.from(bytes)));
    accepted.resume();
    const sent = noise(1000 * KIB, at);
    dialled.end(sent);
    await once(accepted, "end");
    return Buffer.concat(heard).equals(sent);
  });
  expect(await Promise.all(all)).toEqual([true, true, true]);
});

it("is any socket until somebody looks: what came by then is data, and nothing is read while it is paused", async () => {
  const { accepted, dialled } = await pair();
  const [first, second] = [noise(100 * KIB, 1), noise(100 * KIB, 2)];
  const data: Buffer[] = [];
  accepted.on("data", (chunk: Buffer) => data.push(chunk));
  accepted.resume();
  dialled.write(first);
  await until("the first", () => Buffer.concat(data).length === first.length);
  accepted.pause();
  const looked: Buffer[] = [];
  accepted.feed((bytes) => looked.push(Buffer.from(bytes)));
  accepted.unshift(Buffer.from("left over"));
  dialled.end(second);
  await once(dialled, "finish");
  expect(looked).toEqual([]);
  accepted.resume();
  await once(accepted, "end");
  expect(Buffer.concat(data).equals(Buffer.concat([first, Buffer.from("left over")]))).toBe(true);
  expect(Buffer.concat(looked).equals(second)).toBe(true);
});

it("what it tells as data stays as it is when more comes", async () => {
  const { accepted, dialled } = await pair();
  const sent = noise(2000 * KIB);
  const data: Buffer[] = [];
  accepted.on("data", (chunk: Buffer) => data.push(chunk)).resume();
  dialled.end(sent);
  await once(accepted, "end");
  expect(Buffer.concat(data).equals(sent)).toBe(true);
});

it("a server ends when those it accepted have ended", async () => {
  const { accepted, dialled, server } = await pair();
  const closed = once(server, "close");
  server.close();
  dialled.destroy();
  accepted.resume();
  await once(accepted, "close");
  await closed;
});

it("knows the other side's address, and ends when the other side does", async () => {
  const { accepted, dialled } = await pair();
  expect(accepted.remotePort).toBe(dialled.localPort);
  accepted.resume();
  dialled.end();
  await once(accepted, "close");
  expect(accepted.destroyed).toBe(true);
});

async function pair() {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const dialled = new PeerSocket().connect((server.address() as AddressInfo).port, "127.0.0.1") as PeerSocket;
  const [socket] = (await once(server, "connection")) as [Socket];
  const accepted = PeerSocket.of(socket) as PeerSocket;
  expect(accepted).toBeInstanceOf(PeerSocket);
  accepted.pause();
  onTestFinished(() => {
    dialled.destroy();
    accepted.destroy();
    server.close();
  });
  return { dialled, accepted, server };
}
