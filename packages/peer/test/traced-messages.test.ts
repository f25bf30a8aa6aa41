import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { type CtCacheMessage, encodeCtCache } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { openTrace } from "../src/accounts/trace.ts";
import { describeMessage } from "../src/wire/describe-message.ts";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { endpoint, silent } from "./support/samples.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";
import { KIB, noise, temporaryDirectory, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const BLOCK = 16 * KIB;
const dest = endpoint("127.2.0.1:7777");
const head = numberedPeerId(7);

type Line = { readonly dir: "in" | "out"; readonly m: string; readonly [field: string]: unknown };

describe("the trace of a connection", () => {
  it("has every message that went either way, those that the wire deals with alone too", async () => {
    const torrent = await torrentOf([{ path: ["a"], content: noise(8 * BLOCK) }], 2 * BLOCK);
    const path = join(await temporaryDirectory(), "trace.jsonl");
    const trace = await openTrace(path, { clock: systemClock, log: silent });
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true, trace });
    const raw = await RawPeer.dial(seed.endpoint, {
      at: "127.9.0.1",
      infoHash: torrent.metainfo.infoHash,
      peerId: numberedPeerId(900_001),
    });
    raw.wire.extendedHandshake = { v: "Raw 1", reqq: 9, ct: { role: "follower", term: 3, v: 1 } };
    raw.handshake();
    await raw.received("have-all");
    raw.socket.write(Buffer.from([0, 0, 0, 1, 15]));
    raw.socket.write(Buffer.from([0, 0, 0, 0]));
    raw.socket.write(Buffer.from([0, 0, 0, 3, 9, 0x1a, 0xe1]));
    raw.socket.write(Buffer.from([0, 0, 0, 2, 99, 1]));
    await raw.ping();
    raw.wire.interested();
    await raw.received("unchoke");
    raw.request(3, BLOCK, BLOCK);
    await raw.received("piece");
    raw.wire.bitfield(Buffer.from([0b1100_0000]));
    raw.wire.have(2);
    raw.wire.uninterested();
    raw.wire.cancel(0, 0, BLOCK);
    raw.request(1, 0, BLOCK);
    await raw.received("piece", 2);
    raw.socket.destroy();
    await until("the connection is over", () => seed.torrent.connectionCount === 0);
    await trace.close();

    const lines: Line[] = (await readFile(path, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const went = (dir: "in" | "out") =>
      lines
        .filter((line) => line.dir === dir)
        .map(({ at: _at, dir: _dir, endpoint: _endpoint, asn: _asn, ...message }) => message);
    expect(lines.every((line) => line.asn === 9 && String(line.endpoint).startsWith("127.9.0.1:"))).toBe(
      true,
    );
    expect(went("in")).toEqual([
      { m: "handshake", peerId: numberedPeerId(900_001) },
      {
        m: "extended_handshake",
        v: "Raw 1",
        reqq: 9,
        ct: { role: "follower", term: 3, v: 1 },
        extensions: {},
      },
      { m: "have_none" },
      { m: "keep_alive" },
      { m: "port", port: 6881 },
      { m: "unknown", id: 99, length: 2 },
      { m: "request", piece: 0, begin: 0, length: 1 },
      { m: "interested" },
      { m: "request", piece: 3, begin: BLOCK, length: BLOCK },
      { m: "bitfield", pieces: 2 },
      { m: "have", piece: 2 },
      { m: "not_interested" },
      { m: "cancel", piece: 0, begin: 0, length: BLOCK },
      { m: "request", piece: 1, begin: 0, length: BLOCK },
    ]);
    expect(went("out")).toEqual([
      { m: "handshake", peerId: seed.peerId },
      expect.objectContaining({
        m: "extended_handshake",
        p: seed.endpoint.port,
        ct: { request: 262144, role: "independent", seed: 1, term: 0, v: 1 },
      }),
      { m: "have_all" },
      { m: "reject", piece: 0, begin: 0, length: 1 },
      { m: "unchoke" },
      { m: "piece", piece: 3, begin: BLOCK, length: BLOCK },
      { m: "piece", piece: 1, begin: 0, length: BLOCK },
    ]);
  });

  it.each<[CtCacheMessage, object]>([
    [
      { m: "leader_refused", dest, why: "full", term: 7 },
      { dest: "127.2.0.1:7777", why: "full" },
    ],
    [
      { m: "claim", q: 1, pieces: [5, 3], n: 1, from: dest, up: 4000, term: 7 },
      { q: 1, pieces: [5, 3], n: 1, from: "127.2.0.1:7777", up: 4000 },
    ],
    [
      { m: "grant", q: 1, pieces: [5], ttlMs: 10_000, term: 7 },
      { q: 1, pieces: [5], ttlMs: 10_000 },
    ],
    [
      { m: "deny", q: 1, why: "slow", term: 7 },
      { q: 1, why: "slow" },
    ],
    [
      { m: "deny", q: 1, why: "not head", taken: Buffer.from([0b1010_0000]), head, term: 7 },
      { q: 1, why: "not head", taken: 2, head },
    ],
    [{ m: "taken", pieces: [5], term: 7 }, { pieces: [5] }],
    [
      { m: "taken_map", bits: Buffer.from([255]), from: 8, term: 7 },
      { from: 8, pieces: 8 },
    ],
    [{ m: "renew", pieces: [5], term: 7 }, { pieces: [5] }],
    [{ m: "revoke", piece: 5, term: 7 }, { piece: 5 }],
    [
      { m: "release", piece: 5, why: "bad data", from: dest, term: 7 },
      { piece: 5, why: "bad data", from: "127.2.0.1:7777" },
    ],
    [
      { m: "open", pieces: [5], ttlsMs: [900], term: 7 },
      { pieces: [5], ttlsMs: [900] },
    ],
    [
      { m: "where", q: 2, piece: 5, not: [dest], term: 7 },
      { q: 2, piece: 5, not: ["127.2.0.1:7777"] },
    ],
    [
      { m: "holders", q: 2, piece: 5, endpoints: [dest], term: 7 },
      { q: 2, piece: 5, endpoints: ["127.2.0.1:7777"] },
    ],
  ])("tells the fields of a message of ours: %j", (message, fields) => {
    const frame = Buffer.concat([Buffer.of(20, 3), encodeCtCache(message)]);
    const described = describeMessage(frame, { ctCacheId: 3 });
    expect(described).toEqual({ m: message.m, fields: { term: 7, ...fields } });
  });

  it("has keys of an extended handshake in their place, whatever they are called", () => {
    const { fields } = describeMessage(Buffer.from("\x14\x00d3:asni1e2:at1:x1:v2:a\xffe", "latin1"));
    expect(fields).toEqual({ v: "a\ufffd" });
  });
});
