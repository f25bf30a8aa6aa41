import { createServer, type Socket } from "node:net";
import { systemClock } from "@cachetorrent/clock";
import type { Address } from "@cachetorrent/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { AddressGuard } from "../src/outbound/address-guard.ts";
import { HttpClient } from "../src/outbound/http-client.ts";
import { getRange } from "../src/web-seeds/ranged-get.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";
import { WebServer } from "./support/web-server.ts";

/** 127.9.0.0/16 stands for the internet, the rest of 127.0.0.0/8 is local. */
const isLocal = (address: Address) => !address.startsWith("127.9.");

const torrent = await torrentOf([{ path: ["a"], content: noise(20 * KIB) }]);

/** What comes of the file at this origin; `mayBeLocal` as for a web seed that the operator names. */
async function fetched(origin: string, mayBeLocal: boolean): Promise<Uint8Array> {
  const http = new HttpClient(systemClock, undefined, new AddressGuard({ isLocal }));
  onTestFinished(() => http.close());
  const parts: Uint8Array[] = [];
  await getRange({
    http,
    url: new URL(`${origin}/files/torrent/a`),
    mayBeLocal,
    from: 0,
    length: torrent.content.length,
    fileLength: torrent.content.length,
    signal: new AbortController().signal,
    received: (bytes) => void parts.push(bytes),
  });
  return Buffer.concat(parts);
}

async function redirecting(host: string, to: string): Promise<WebServer> {
  const web = await WebServer.of(torrent, host);
  web.behaviour = (_request, response) => {
    response.writeHead(302, { location: `${to}/files/torrent/a` }).end();
    return true;
  };
  return web;
}

/** A server that redirects, and is gone before the answer can be read: nobody can be asked then who sent it. */
async function vanishing(host: string, to: string): Promise<string> {
  const server = createServer((socket: Socket) => {
    socket.once("data", () => {
      socket.write(`HTTP/1.1 302 Found\r\nlocation: ${to}/files/torrent/a\r\ncontent-length: 0\r\n\r\n`);
      socket.resetAndDestroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => void server.close());
  return `http://${host}:${(server.address() as { port: number }).port}`;
}

describe("a redirect of a web seed", () => {
  it.each([
    ["the operator names", true],
    ["a torrent names", false],
  ])("that %s, from a global to a local address, is not followed", async (_, mayBeLocal) => {
    const inside = await WebServer.of(torrent, "127.0.0.1");
    const outside = await redirecting("127.9.0.1", inside.origin);
    await expect(fetched(outside.origin, mayBeLocal)).rejects.toThrow(
      `redirects to ${inside.origin}/…, at the local address 127.0.0.1, which is not followed`,
    );
    expect(inside.log).toEqual([]);
  });

  it("is not followed there either where the server is gone when its answer is read", async () => {
    const inside = await WebServer.of(torrent, "127.0.0.1");
    const outside = await vanishing("127.9.0.1", inside.origin);
    await expect(fetched(outside, true)).rejects.toThrow("at the local address 127.0.0.1");
    expect(inside.log).toEqual([]);
  });

  it("is followed from a local address to another where the operator names it", async () => {
    const inside = await WebServer.of(torrent, "127.0.0.1");
    const first = await redirecting("127.0.0.2", inside.origin);
    expect(await fetched(first.origin, true)).toEqual(torrent.content);
  });
});
