import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { EventFeed } from "../src/event-feed.ts";
import { readEvents } from "../src/event-stream.ts";
import { magnetTo, makeTorrent, startTestDaemon, temporaryFolder, until } from "./support/test-daemon.ts";

interface Told {
  readonly event: string;
  readonly data: { readonly infoHash?: string; readonly torrents?: { readonly infoHash: string }[] };
}

describe("events", () => {
  it("go to so many watchers and no more, until one of them leaves", async () => {
    const { ask, token, url } = await startTestDaemon(await temporaryFolder());
    const watch = () => fetch(`${url}/v1/events`, { headers: { authorization: `Bearer ${token}` } });
    const watching = await Promise.all(Array.from({ length: LIMITS.control.eventStreams }, watch));
    expect(watching.map(({ status }) => status)).toEqual(watching.map(() => 200));
    expect(await ask("GET", "/v1/events")).toEqual({
      status: 503,
      body: { code: "CT_ERR_CONTROL", message: "too many watch already" },
    });
    await watching[0]?.body?.cancel();
    await until("there is a place", async () => {
      const { body, status } = await watch();
      await body?.cancel();
      return status === 200;
    });
    for (const { body } of watching.slice(1)) await body?.cancel();
  });

  it("keep no place for who is gone before they begin", async () => {
    const feed = new EventFeed({ clock: systemClock, connections: () => 0, torrents: () => [] });
    let gone = 0;
    const server = createServer((request, response) => {
      response.on("close", () => {
        feed.add(response);
        gone++;
      });
      request.socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { eventStreams } = LIMITS.control;
    for (let n = 0; n < eventStreams; n++) {
      await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
    }
    await until("all are gone", () => gone === eventStreams);
    expect(feed.isFull).toBe(false);
    feed.stop();
  });

  it("tell what happens, in its order, until the daemon stops", async () => {
    const seed = await startTestDaemon(await temporaryFolder());
    const torrent = await makeTorrent(seed.dir);
    const { infoHash } = torrent.metainfo;
    await seed.client.add({ torrent: torrent.text });
    const { client, daemon } = await startTestDaemon(await temporaryFolder());
    const told: string[] = [];
    for await (const { data, event } of client.events() as AsyncGenerator<Told>) {
      if (event === "progress") {
        // The first one comes at once, and is of what there is.
        if (told.length === 0) {
          expect(data.torrents).toEqual([]);
          told.push("begin");
          await client.add({ magnet: magnetTo(torrent, seed) });
        }
        continue;
      }
      told.push(event);
      if (event !== "limits") expect(data.infoHash).toBe(infoHash);
      if (event === "complete") await client.pause(infoHash);
      if (event === "paused") await client.changeLimits({ up: 1000 });
      if (event === "limits") await client.remove(infoHash, true);
      if (event === "removed") void daemon.stop();
    }
    expect(told).toEqual(["begin", "added", "complete", "paused", "limits", "removed"]);
  });

  it("of progress have those torrents of which something has changed", async () => {
    const { client, dir } = await startTestDaemon(await temporaryFolder());
    const { metainfo, text } = await makeTorrent(dir);
    await client.add({ torrent: text, paused: true });
    const seen: string[][] = [];
    for await (const { data, event } of client.events() as AsyncGenerator<Told>) {
      if (event === "progress") seen.push((data.torrents ?? []).map((one) => one.infoHash));
      if (seen.length === 2) break;
    }
    expect(seen).toEqual([[metainfo.infoHash], []]);
  });
});

it("a stream of events is read however it is cut", async () => {
  const text =
    'retry: 1\n\nid: 1\nevent: a\ndata: {"é":1}\n\n: comment\n\nid: 2\nevent: b\ndata: {}\n\nevent: c\nda';
  for (const size of [1, 2, 3, 7, 1000]) {
    const bytes = Buffer.from(text);
    const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    const read: unknown[] = [];
    for await (const event of readEvents(ReadableStream.from<Uint8Array>(parts))) read.push(event);
    expect(read, `in parts of ${size}`).toEqual([
      { event: "a", data: { é: 1 } },
      { event: "b", data: {} },
    ]);
  }
});
