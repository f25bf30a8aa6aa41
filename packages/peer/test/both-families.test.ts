import type { Address } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { MeetingPoint } from "./support/meeting-point.ts";
import { asn } from "./support/samples.ts";
import { ScriptedUdpTracker } from "./support/scripted-udp-tracker.ts";
import { readContent, TestPeer } from "./support/test-peer.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";

const IPV4 = "127.0.0.1" as Address;
const IPV6 = "::1" as Address;
const LENGTH = 2_000_000;

const someTorrent = () => torrentOf([{ path: ["a"], content: noise(LENGTH) }], 64 * KIB);

/** A tracker that lists nobody but who is given. */
async function trackerOf(...listed: readonly { readonly address: Address; readonly port: number }[]) {
  const tracker = await MeetingPoint.open();
  for (const address of [IPV4, IPV6]) tracker.places.set(address, asn(64501));
  for (const endpoint of listed) tracker.list(endpoint);
  return tracker;
}

describe("a peer that listens on [::]", () => {
  test("downloads from peers of both families", async () => {
    const torrent = await someTorrent();
    // So slow that neither has sent everything before the other is met.
    const seeding = { seeds: true, limitUp: 1_000_000 };
    const seeds = await Promise.all(
      [`${IPV4}:0`, `[${IPV6}]:0`].map((at) => TestPeer.start(torrent, { at, ...seeding })),
    );
    const tracker = await trackerOf(...seeds.map((seed) => seed.endpoint));
    const leecher = await TestPeer.start(torrent, { at: "[::]:0", tracker });
    await leecher.complete();
    expect((await readContent(torrent, leecher.dir)).equals(torrent.content)).toBe(true);
    for (const seed of seeds) expect(seed.sentBytes, seed.endpoint.address).toBeGreaterThan(0);
  });

  test.each([
    ["IPv4", IPV4, "127.0.0.2:0"],
    ["IPv6", IPV6, `[${IPV6}]:0`],
  ])("is met over %s", async (_, address, at) => {
    const torrent = await someTorrent();
    const seed = await TestPeer.start(torrent, { at: "[::]:0", seeds: true });
    const tracker = await trackerOf({ address, port: seed.endpoint.port });
    const leecher = await TestPeer.start(torrent, { at, tracker });
    await leecher.complete();
    expect(seed.sentBytes).toBe(LENGTH);
  });
});

test("peers meet over IPv6 alone by a tracker over UDP there", async () => {
  const torrent = await someTorrent();
  const seed = await TestPeer.start(torrent, { at: `[${IPV6}]:0`, seeds: true });
  const tracker = await ScriptedUdpTracker.listen(IPV6);
  const starting = TestPeer.start(torrent, { at: `[${IPV6}]:0`, tracker });
  const asked = await tracker.next();
  expect(asked.from.address).toBe(IPV6);
  asked.accept({ peers: [seed.endpoint] });
  const leecher = await starting;
  await leecher.complete();
  expect(seed.sentBytes).toBe(LENGTH);
  const stopped = leecher.stop();
  let farewell = await tracker.next();
  while (farewell.announce.event !== "stopped") {
    farewell.accept();
    farewell = await tracker.next();
  }
  farewell.accept();
  await stopped;
});
