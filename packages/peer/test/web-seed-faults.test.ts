import type { IncomingMessage, ServerResponse } from "node:http";
import { ManualClock } from "@cachetorrent/clock";
import { describe, expect, it } from "vitest";
import { keptLog } from "./support/kept-log.ts";
import { readContent, TestPeer } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf } from "./support/torrents.ts";
import { advanceUntil } from "./support/until.ts";
import { WebServer } from "./support/web-server.ts";

const SECOND = 1000;
const aTorrent = (kib = 400) => torrentOf([{ path: ["a"], content: noise(kib * KIB) }], 64 * KIB);

/** Answers a request for a file of the torrent; false leaves that to the server. */
type Answer = (response: ServerResponse, request: IncomingMessage, torrent: GivenTorrent) => unknown;

/** A leecher that knows a web seed and nobody else, by a clock that the test moves. */
async function leecherOf(answer: Answer, kib?: number) {
  const torrent = await aTorrent(kib);
  const web = await WebServer.of(torrent);
  web.behaviour = (request, response) => answer(response, request, torrent) !== false;
  const clock = new ManualClock();
  const { lines, log } = keptLog();
  const leecher = await TestPeer.start(torrent, { at: "127.1.0.1", webSeeds: [web.url], clock, log });
  const words = () => lines.filter(({ event }) => event === "web seed").map(({ msg }) => msg);
  const file = new URL(`${web.url}torrent/a`).pathname;
  return {
    web,
    clock,
    leecher,
    torrent,
    words,
    seed: () => leecher.torrent.status().webSeeds?.[0],
    /** What is said of it first, without its name. */
    async said(): Promise<string> {
      await advanceUntil(clock, "it was spoken of", () => words().length > 0);
      return String(words()[0]).replace(`web seed ${web.url} `, "").replaceAll(file, "FILE");
    },
    async completes(): Promise<void> {
      await advanceUntil(clock, "it is complete", () => leecher.completed.size > 0);
      expect(await readContent(torrent, leecher.dir)).toEqual(torrent.content);
    },
    /** Nothing more is asked of it, in so many looks at it. */
    isLeftAlone(looks: number): void {
      const asked = web.log.length;
      for (let i = 0; i < looks; i++) clock.advance(250);
      expect(web.log.length).toBe(asked);
    },
  };
}

/** Begins a good answer; the bytes of the torrent's only file that were asked for are to follow. */
function begin(response: ServerResponse, { headers }: IncomingMessage, { content }: GivenTorrent): Buffer {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
  response.writeHead(206, { "content-range": `bytes ${first}-${last}/${content.length}` });
  return Buffer.from(content.subarray(Number(first), Number(last) + 1));
}

const withEverything: Answer = (response, _request, { content }) => response.writeHead(200).end(content);

describe("a web seed that fails", () => {
  it.each<[string, (response: ServerResponse, bytes: Buffer) => void, RegExp]>([
    [
      "by ending early",
      (response, bytes) => response.end(bytes),
      /^ended early, at byte \d+ of 409600; next try in \d+ s$/,
    ],
    [
      "by hanging up on us",
      (response, bytes) => response.write(bytes, () => response.destroy()),
      /^cannot be asked: .*ECONNRESET.*; next try in \d+ s$/,
    ],
  ])(
    "%s is asked again for the rest, rests when it goes on so, and is used again after that",
    async (_, fail, words) => {
      let left = 2;
      const given = await leecherOf((response, request, torrent) => {
        if (left-- <= 0) return false;
        fail(response, begin(response, request, torrent).subarray(0, 20 * KIB));
        return true;
      });
      expect(await given.said()).toMatch(words);
      // While it rests nothing is asked, however often the torrent looks.
      given.isLeftAlone(16);
      await given.completes();
      expect(given.words()).toHaveLength(1);
    },
  );

  it("with 503 is left alone for as long as it asks to be", async () => {
    let isDown = true;
    const given = await leecherOf(
      (response) => isDown && response.writeHead(503, { "retry-after": "90" }).end(),
    );
    expect(await given.said()).toBe("answered 503 for FILE; next try in 90 s");
    isDown = false;
    const since = given.clock.now();
    await given.completes();
    expect(given.clock.now() - since).toBeGreaterThanOrEqual(89 * SECOND);
  });

  it("again and again rests twice as long each time", async () => {
    const { clock, web, words } = await leecherOf((response) => response.writeHead(500).end());
    await advanceUntil(clock, "it was spoken of 4 times", () => words().length >= 4);
    const waits = words().map((word) => Number(/in (\d+) s$/.exec(word)?.[1]));
    expect(waits).toEqual([5, 10, 20, 40]);
    // One request each time, or two at once.
    expect(web.log.length).toBeLessThanOrEqual(8);
  });

  it("by not having the file is asked again in ten minutes", async () => {
    const given = await leecherOf((response) => response.writeHead(404).end());
    expect(await given.said()).toBe("answered 404 for FILE; next try in 600 s");
  });

  it("by trickling bytes rests, long before it has given a block", async () => {
    const given = await leecherOf((response, request, torrent) => {
      const bytes = begin(response, request, torrent);
      let at = 0;
      const trickle = setInterval(() => response.write(bytes.subarray(at, ++at)), 5);
      response.on("close", () => clearInterval(trickle));
    });
    expect(await given.said()).toBe("gave no block in 15 s; next try in 5 s");
    // Both requests that were open, and that is one failure.
    expect(given.words()).toHaveLength(1);
  });
});

it("the status of a torrent tells how its web seed fares, and its peers do not", async () => {
  let hangs = true;
  const given = await leecherOf(() => hangs);
  const { clock, leecher, seed, torrent, web } = given;
  const known = { url: web.url, receivedBytes: 0 };
  await advanceUntil(clock, "it is asked", () => seed()?.state === "asking");
  expect(seed()).toEqual({ ...known, state: "asking" });
  expect(leecher.torrent.peers()).toEqual([]);
  await given.said();
  const { restsUntil = 0, ...rests } = seed() ?? {};
  expect(rests).toEqual({ ...known, state: "resting", reason: "gave no block in 15 s" });
  expect(restsUntil - clock.now()).toBeGreaterThan(0);
  expect(restsUntil - clock.now()).toBeLessThanOrEqual(5 * SECOND);
  hangs = false;
  await given.completes();
  await advanceUntil(clock, "it is asked for nothing", () => seed()?.state === "idle");
  expect(seed()).toEqual({ ...known, state: "idle", receivedBytes: torrent.content.length });
});

describe("a web seed of no use is left out", () => {
  it("where it ignores ranges of a long file", async () => {
    const given = await leecherOf(withEverything, 1500);
    expect(await given.said()).toBe(
      "ignores ranges: it answered with all 1536000 bytes for FILE: it is left out",
    );
    expect(given.leecher.receivedBytes).toBe(0);
    expect(given.seed()).toMatchObject({
      state: "dropped",
      reason: expect.stringMatching(/^ignores ranges/),
    });
    given.isLeftAlone(4000);
  });

  it.each([
    [
      "its file is another one",
      { "content-range": "bytes 0-9/10" },
      "has 10 bytes for FILE, the torrent 10240",
    ],
    ["it answers another range", { "content-range": "bytes 1-9/10240" }, "answered another range for FILE"],
    [
      "it compresses",
      { "content-encoding": "gzip", "content-range": "bytes 0-9/10240" },
      "compresses for FILE, though it was asked not to",
    ],
  ])("where %s", async (_, headers, words) => {
    const given = await leecherOf((response) => response.writeHead(206, headers).end("0123456789"), 10);
    expect(await given.said()).toBe(`${words}: it is left out`);
  });

  it("where it sends bad data", async () => {
    const given = await leecherOf((response, request, torrent) => {
      const bytes = begin(response, request, torrent);
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      response.end(bytes);
    });
    expect(await given.said()).toBe("sent bad data: it is left out");
    expect(given.leecher.torrent.status().verifiedBytes).toBeLessThan(given.torrent.content.length);
  });

  it("where it redirects in a circle", async () => {
    const given = await leecherOf((response, { url }) => response.writeHead(302, { location: url }).end());
    expect(await given.said()).toContain("redirects in a circle");
  });
});

describe("a web seed that is odd and of use", () => {
  it("may ignore ranges of a short file, of which we read what we asked for", async () => {
    const given = await leecherOf(withEverything);
    await given.completes();
  });

  it("may send without end, which we do not read", async () => {
    const given = await leecherOf((response, request, torrent) => {
      response.write(begin(response, request, torrent));
      const more = () => response.write(Buffer.alloc(64 * KIB));
      response.on("drain", more);
      while (more());
    });
    await given.completes();
    expect(given.words()).toEqual([]);
  });

  it("may redirect", async () => {
    const given = await leecherOf(
      (response, { url }) =>
        !url?.includes("?now") && response.writeHead(302, { location: `${url}?now` }).end(),
    );
    await given.completes();
  });
});
