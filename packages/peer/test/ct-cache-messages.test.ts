import { type Endpoint, encodeBencode, LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Leading } from "./support/leading.ts";
import type { RawPeer } from "./support/raw-peer.ts";
import { endpoint, listeningLog } from "./support/samples.ts";

type Lines = ReturnType<typeof listeningLog>["lines"];

const { messagesPerSecond } = LIMITS.cache;
const DEST = encodeDest(endpoint("127.2.0.1:7777"));

function encodeDest({ address, port }: Endpoint): Uint8Array {
  return Buffer.of(...address.split(".").map(Number), port >> 8, port & 0xff);
}

const deep = (depth: number) => Buffer.from(`d1:m4:want1:p${"l".repeat(depth)}${"e".repeat(depth)}1:ti1ee`);

/** A leader whose log can be read. */
async function given() {
  const { lines, log } = listeningLog();
  const swarm = await Leading.begin({ log });
  const follower = await swarm.follower(1);
  return { follower, lines, swarm };
}

/** The reason of the first connection that ended. */
async function reason(lines: Lines): Promise<string> {
  for (;;) {
    const { event, msg } = await lines.next();
    if (event === "disconnected") return msg;
  }
}

const malformed: [what: string, bytes: Uint8Array, reason: RegExp][] = [
  ["that is not bencoded", Buffer.from("hello"), /ct_cache/],
  ["that nests without end", deep(60_000), /ct_cache/],
  ["that nests a little too deep", deep(33), /ct_cache/],
  ["with the key __proto__", Buffer.from("d9:__proto__de1:m4:want1:ple1:ti1ee"), /ct_cache/],
  ["with a key twice", Buffer.from("d1:m4:want1:m4:want1:ple1:ti1ee"), /ct_cache/],
  ["with bytes after its end", Buffer.from("d1:m4:want1:ple1:ti1ee!"), /ct_cache/],
  ["without a name", encodeBencode({ t: 1 }), /without m or t/],
  ["without a term", encodeBencode({ m: "want", p: [1] }), /without m or t/],
  ["with a term below 0", encodeBencode({ m: "want", p: [1], t: -1 }), /without m or t/],
  ["that wants a piece beyond the torrent", encodeBencode({ m: "want", p: [1, 16], t: 1 }), /none of 16/],
  ["that wants a piece below 0", encodeBencode({ m: "want", p: [-1], t: 1 }), /none of 16/],
  [
    "that wants more pieces than allowed",
    encodeBencode({ m: "want", p: new Array(LIMITS.cache.piecesPerWant + 1).fill(1), t: 1 }),
    /65 pieces, more than 64/,
  ],
  [
    "that forwards bits beyond the torrent",
    encodeBencode({ bits: new Uint8Array(3), m: "fwd_bitfield", t: 1 }),
    /beyond/,
  ],
  ["that forwards a piece beyond the torrent", encodeBencode({ m: "fwd_have", p: [16], t: 1 }), /none of 16/],
  ["without a destination", encodeBencode({ m: "leader_start", t: 1 }), /no endpoint/],
  [
    "whose destination is cut off",
    encodeBencode({ dest: DEST.subarray(1), m: "leader_start", t: 1 }),
    /no endpoint/,
  ],
  [
    "whose destination has port 0",
    encodeBencode({ dest: new Uint8Array(6).fill(9, 0, 4), m: "leader_stop", t: 1 }),
    /no endpoint/,
  ],
  [
    "of too many values",
    encodeBencode({ m: "hello", t: 1, x: new Array(LIMITS.cache.itemsPerMessage).fill(1) }),
    /ct_cache/,
  ],
  [
    "that is too long",
    encodeBencode({ m: "hello", t: 1, x: new Uint8Array(LIMITS.peer.extensionBytes) }),
    /131/,
  ],
];

describe("a ct_cache message", () => {
  it.each(malformed)("%s closes the connection, and the log says why", async (_, bytes, expected) => {
    const { follower, lines, swarm } = await given();
    follower.tell(bytes);
    await follower.closed();
    const why = await reason(lines);
    expect(why).toMatch(/^protocol error: /);
    expect(why).toMatch(expected);
    expect(swarm.leader.errors).toEqual([]);
  });

  it("of a later version is ignored, whatever is in it", async () => {
    const { follower, swarm } = await given();
    for (const name of ["hello", "", "__proto__", "constructor", "x".repeat(100_000)]) {
      follower.tell(encodeBencode({ dest: "?", m: name, p: "?", t: 0 }));
    }
    const dest = await swarm.outsider(1);
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await swarm.received(follower, "leader_started");
  });

  it("with keys of a later version is read all the same", async () => {
    const { follower, swarm } = await given();
    const { endpoint: dest } = await swarm.outsider(1);
    follower.tell(encodeBencode({ dest: encodeDest(dest), m: "leader_start", t: 0, zone: { a: [1] } }));
    await swarm.received(follower, "leader_started");
  });
});

describe("a flood of ct_cache messages", () => {
  const send = async (raw: RawPeer, times: number) => {
    for (let i = 0; i < times; i++) {
      raw.tell({ m: "want", pieces: [] });
      if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };

  it("is borne for what ten seconds may have, and closes the connection beyond", async () => {
    const { follower, lines } = await given();
    await send(follower, messagesPerSecond * 10 - 100);
    await follower.ping();
    expect(follower.isClosed).toBe(false);
    await send(follower, 200);
    await follower.closed();
    expect(await reason(lines)).toBe("protocol error: too many ct_cache messages");
  });

  it("is made by few messages that are long", async () => {
    const { follower, lines } = await given();
    const padding = "x".repeat(100_000);
    for (let i = 0; i < 30; i++) {
      follower.tell(
        Buffer.concat([
          Buffer.from("d1:m4:want1:ple1:ti0e1:z100000:"),
          Buffer.from(padding),
          Buffer.from("e"),
        ]),
      );
      await new Promise((resolve) => setImmediate(resolve));
    }
    await follower.closed();
    expect(await reason(lines)).toBe("protocol error: too many ct_cache messages");
  });

  it("is none at a rate that is allowed, however long", async () => {
    const { follower, swarm } = await given();
    for (let second = 0; second < 20; second++) {
      await send(follower, 1500);
      await follower.ping();
      swarm.clock.advance(1000);
    }
    await follower.ping();
    expect(follower.isClosed).toBe(false);
  });
});
