import type { TorrentTraffic } from "@cachetorrent/peer";
import type { Asn } from "@cachetorrent/protocol";
import { expect, it } from "vitest";
import { PeerMetrics } from "../src/metrics.ts";
import { makeTorrent, startTestDaemon, temporaryFolder, until } from "./support/test-daemon.ts";

it("metrics tell torrents by state, and need the token", async () => {
  const { client, dir, token, url } = await startTestDaemon(await temporaryFolder());
  const { text } = await makeTorrent(dir);
  await client.add({ torrent: text });
  await until("it is checked", async () => (await client.status()).torrents[0]?.state === "seeding");
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  expect(answer.headers.get("content-type")).toContain("text/plain");
  const lines = (await answer.text()).split("\n");
  expect(lines).toContain('cachetorrent_peer_torrents{state="seeding"} 1');
  expect(lines).toContain('cachetorrent_peer_torrents{state="failed"} 0');
  expect(lines).toContain("cachetorrent_peer_verified_bytes 51200");
});

it("metrics have bytes by side and AS, and for ASes without end one label", async () => {
  const receivedByAsn = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [String(i + 1), 10]));
  const traffic: TorrentTraffic[] = [
    { asn: 7 as Asn, receivedByAsn, sentByAsn: { 7: 5, 8: 6 } },
    { asn: 0 as Asn, receivedByAsn: { 0: 3 }, sentByAsn: {} },
  ];
  const status = () => ({ connections: 0, torrents: [] });
  const lines = (await new PeerMetrics({ traffic, status }).text()).split("\n");
  expect(lines).toContain('cachetorrent_peer_received_bytes_total{side="internal",asn="7"} 10');
  expect(lines).toContain('cachetorrent_peer_received_bytes_total{side="external",asn="8"} 10');
  expect(lines).toContain('cachetorrent_peer_received_bytes_total{side="external",asn="other"} 363');
  expect(lines).toContain('cachetorrent_peer_sent_bytes_total{side="external",asn="8"} 6');
  expect(lines.filter((line) => line.startsWith("cachetorrent_peer_received_bytes_total{"))).toHaveLength(65);
});
