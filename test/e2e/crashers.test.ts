import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { type Endpoint, encodeAnnounceAnswer, type PeerId } from "@cachetorrent/protocol";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  type Bench,
  downloadHonestly,
  endpointOf,
  startBench,
  trackerEndpoint,
} from "../../scripts/fuzz/bench.ts";
import { deliver } from "../../scripts/fuzz/delivery.ts";
import { handshake } from "../../scripts/fuzz/handshakes.ts";
import {
  type HostileServer,
  startHostilePeer,
  startHostileTracker,
  startHostileUdpTracker,
} from "../../scripts/fuzz/hostile-servers.ts";
import { bytesOf, type KeptInput } from "../../scripts/fuzz/input.ts";
import { datagramsOf, soundAnswer } from "../../scripts/fuzz/udp-answers.ts";
import { Watch } from "../../scripts/fuzz/watch.ts";
import { eventually, useBench } from "./support/e2e.ts";

/* What killed a daemon once, or is known to be able to: test/crashers has one file a theme. */

const FOLDER = join(import.meta.dirname, "..", "crashers");
const ASN = 3 as never;
const LINGER_MS = 300;

const useDaemons = useBench("crashers");
let inputs: KeptInput[];
let bench: Bench;
let watch: Watch;
let servers: HostileServer[] = [];
/** What daemons fetch by themselves, in the order in which they are given it. */
let due: { answers: KeptInput[]; datagrams: KeptInput[]; plain: KeptInput[]; encrypted: KeptInput[] };

let peersMade = 0;
/** Each has an id of its own: a second connection of one peer would be closed for that. */
const numberedPeerId = () =>
  Buffer.from(`-FZ0100-${String(++peersMade).padStart(12, "0")}`).toString("hex") as PeerId;

const sent = ({ why, ...input }: KeptInput) => ({
  ...input,
  bytes: bytesOf({ why, ...input }),
  lingerMs: LINGER_MS,
});
const of = (target: KeptInput["target"]) => inputs.filter((input) => input.target === target);

beforeEach(async () => {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith(".jsonl"));
  const texts = await Promise.all(files.map((file) => readFile(join(FOLDER, file), "utf8")));
  inputs = texts.flatMap((text) =>
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as KeptInput),
  );
  const dialled = of("dialled");
  due = {
    answers: of("answer"),
    datagrams: of("udp"),
    plain: dialled.filter(({ encrypted }) => encrypted === undefined),
    encrypted: dialled.filter(({ encrypted }) => encrypted !== undefined),
  };
  const peer = await startHostilePeer(systemClock, {
    greet: (isEncrypted) => {
      const next = (isEncrypted ? due.encrypted : due.plain).shift();
      return next ? sent(next) : { bytes: Buffer.alloc(0), handshake: true, lingerMs: LINGER_MS };
    },
    peerId: numberedPeerId,
    infoHashes: () => bench.infoHashes,
  });
  const udpTracker = await startHostileUdpTracker((request) => {
    const at = due.datagrams.findIndex(({ answers }) => answers === request.action);
    const [next] = at < 0 ? [] : due.datagrams.splice(at, 1);
    return next ? datagramsOf(sent(next), request) : [soundAnswer(request.action, request.transactionId)];
  });
  const tracker = await startHostileTracker(systemClock, () => {
    const next = due.answers.shift();
    if (next) return sent(next);
    const body = Buffer.from(whereToDial(peer.port));
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
    return { bytes: Buffer.concat([Buffer.from(head), body]), lingerMs: LINGER_MS };
  });
  servers = [peer, tracker, udpTracker];
  const { dir, launcher } = useDaemons();
  const hostile = { http: tracker.port, udp: udpTracker.port };
  bench = await startBench({ launcher, dir, policy: "cache", minutes: 0, hostile });
  watch = new Watch(bench, systemClock);
  await watch.start();
});

afterEach(async () => {
  await watch.stop();
  await Promise.all(servers.map((server) => server.stop()));
});

/** A sane answer: the hostile peer, at as many addresses as it has greetings. */
function whereToDial(port: number): Uint8Array {
  const peers = of("dialled").map((_, n) => ({
    endpoint: { address: `127.3.77.${n + 1}`, port } as Endpoint,
    asn: ASN,
  }));
  return encodeAnnounceAnswer(
    { interval: 1, minInterval: 1, complete: 1, incomplete: 0, peers },
    { compact: true },
  );
}

async function deliverAll(target: KeptInput["target"], to: Endpoint, from: string): Promise<void> {
  for (const input of of(target)) {
    const prologue = input.handshake ? handshake(bench.infoHash, numberedPeerId()) : undefined;
    const way = { to, from, infoHash: bench.infoHash, ...(prologue ? { prologue } : {}) };
    const outcome = await deliver(systemClock, sent(input), way);
    expect(outcome, `${target}: ${input.why}`).not.toBe("no connection");
    expect(watch.failure, `${target}: ${input.why}`).toBeUndefined();
  }
}

it("no kept input ends a daemon, or keeps it from its work", async () => {
  await Promise.all([
    deliverAll("tracker", trackerEndpoint(bench.tracker), "127.1.66.1"),
    ...(["peer", "seed"] as const).map((target) => deliverAll(target, endpointOf(bench.seed), "127.3.66.1")),
    ...(["peer", "leecher"] as const).map((target) =>
      deliverAll(target, endpointOf(bench.leecher), "127.4.66.1"),
    ),
  ]);
  await eventually(
    "all answers and greetings are fetched",
    async () => Object.values(due).every(({ length }) => length === 0) || undefined,
    60_000,
  );
  await downloadHonestly(bench, "fresh", "127.9.0.1:0", join(bench.dir, "fresh"));
  await watch.stop();
  expect(watch.failure).toBeUndefined();
});
