import { ManualClock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf } from "./support/torrents.ts";
import { advanceUntil, until } from "./support/until.ts";

const BLOCK = 16 * KIB;
const { requestBytesMost } = LIMITS.peer;

/** 40 pieces of 20 blocks, the last block of 5 bytes. */
const aTorrent = () => torrentOf([{ path: ["a"], content: noise(40 * 20 * BLOCK - BLOCK + 5) }], 20 * BLOCK);

/** A leecher of which the clock stands still, so that what comes at once comes fast. */
async function given() {
  const torrent = await aTorrent();
  const clock = new ManualClock();
  const tracker = await MeetingPoint.open();
  const peer = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, clock });
  return { clock, peer, torrent };
}

/** A seed that has unchoked the peer, and says that it answers requests of so many bytes. */
async function seed(
  { clock, peer, torrent }: Awaited<ReturnType<typeof given>>,
  n: number,
  longest?: unknown,
): Promise<RawPeer> {
  const raw = await RawPeer.join(
    peer.endpoint,
    {
      at: `127.9.0.${n}`,
      infoHash: torrent.metainfo.infoHash,
      peerId: numberedPeerId(900_000 + n),
      clock,
      ...(longest === undefined ? {} : { ct: { request: longest } }),
    },
    "all",
  );
  raw.wire.unchoke();
  return raw;
}

const requestsOf = (raw: RawPeer) =>
  raw.messages.flatMap(([name, piece = 0, begin = 0, length = 0]) =>
    name === "request" ? [{ piece, begin, length }] : [],
  );
type Request = ReturnType<typeof requestsOf>[0];
const lengthsOf = (raw: RawPeer): number[] => requestsOf(raw).map(({ length }) => length);

function answer(raw: RawPeer, { content, metainfo }: GivenTorrent, one: Request): void {
  const start = one.piece * metainfo.pieceLength + one.begin;
  raw.wire.piece(one.piece, one.begin, Uint8Array.from(content.subarray(start, start + one.length)));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

/** Answers what it was asked for until now, and then each request that comes, as long as `goesOn`. */
function serve(raw: RawPeer, torrent: GivenTorrent, goesOn: () => boolean = () => true): void {
  for (const one of requestsOf(raw)) answer(raw, torrent, one);
  raw.wire.on("request", (piece, begin, length) => {
    if (goesOn()) answer(raw, torrent, { piece, begin, length });
  });
}

describe("requests of more than a block", () => {
  it("are sent to one that answers them, the longer the faster it is, and bring the content", async () => {
    const swarm = await given();
    const fast = await seed(swarm, 1, requestBytesMost);
    await fast.received("request", LIMITS.peer.requestDepthLeast);
    expect(lengthsOf(fast)).toEqual(new Array(LIMITS.peer.requestDepthLeast).fill(BLOCK));
    serve(fast, swarm.torrent);
    await swarm.peer.complete();
    expect(Math.max(...lengthsOf(fast))).toBe(requestBytesMost);
    for (const { begin, length } of requestsOf(fast)) {
      expect(Math.floor(begin / requestBytesMost)).toBe(Math.floor((begin + length - 1) / requestBytesMost));
    }
    expect(sum(lengthsOf(fast))).toBe(swarm.torrent.content.length);
    expect(swarm.peer.receivedBytes).toBe(swarm.torrent.content.length);
  });

  it.each([
    ["says nothing of them", undefined],
    ["says something that is no number", "262144"],
    ["says that it answers less than a block", 100],
  ])("are not sent to one that %s", async (_, longest) => {
    const swarm = await given();
    const raw = await seed(swarm, 1, longest);
    serve(raw, swarm.torrent);
    await swarm.peer.complete();
    for (const length of lengthsOf(raw)) expect([BLOCK, 5]).toContain(length);
  });

  it("are no longer than it answers, nor than anybody is asked for", async () => {
    const swarm = await given();
    const [some, all] = [await seed(swarm, 1, 3 * BLOCK + 1), await seed(swarm, 2, 1e9)];
    for (const raw of [some, all]) serve(raw, swarm.torrent);
    await swarm.peer.complete();
    expect(Math.max(...lengthsOf(some))).toBeLessThanOrEqual(3 * BLOCK);
    expect(Math.max(...lengthsOf(all))).toBeLessThanOrEqual(requestBytesMost);
  });

  it("count for nothing where only a part comes, and are asked of others", async () => {
    const swarm = await given();
    const short = await seed(swarm, 1, requestBytesMost);
    const longOnes = () => requestsOf(short).filter(({ length }) => length > BLOCK);
    serve(short, swarm.torrent, () => longOnes().length === 0);
    await until("it is asked for more than a block, twice", () => longOnes().length > 1);
    const first = lengthsOf(short).findIndex((length) => length > BLOCK);
    const before = sum(lengthsOf(short).slice(0, first));
    await until("what it gave until then is there", () => swarm.peer.receivedBytes === before);
    const [one, other] = longOnes() as [Request, Request];
    answer(short, swarm.torrent, { ...one, length: BLOCK });
    answer(short, swarm.torrent, other);
    await until("what came after the part is there", () => swarm.peer.receivedBytes > before + BLOCK);
    expect(swarm.peer.receivedBytes).toBe(before + other.length);
    const honest = await seed(swarm, 2);
    serve(honest, swarm.torrent);
    await advanceUntil(swarm.clock, "others give it", () => swarm.peer.completed.size > 0);
    expect(swarm.peer.receivedBytes).toBe(swarm.torrent.content.length);
  });

  it("are taken back as they were asked, once others gave all of it", async () => {
    const swarm = await given();
    const staller = await seed(swarm, 1, requestBytesMost);
    const isLong = () => lengthsOf(staller).some((length) => length > BLOCK);
    serve(staller, swarm.torrent, () => !isLong());
    await until("it is asked for more than a block", isLong);
    const honest = await seed(swarm, 2);
    serve(honest, swarm.torrent);
    // The clock stands: nothing is taken back for its age.
    await swarm.peer.complete();
    const open = requestsOf(staller).filter(({ length }) => length > BLOCK);
    await staller.received("cancel", open.length);
    const taken = staller.messages.filter(([name]) => name === "cancel");
    for (const { begin, length, piece } of open)
      expect(taken).toContainEqual(["cancel", piece, begin, length]);
    expect(swarm.peer.receivedBytes).toBe(swarm.torrent.content.length);
  });
});
