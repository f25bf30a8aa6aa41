import type { Endpoint, InfoHash } from "@cachetorrent/protocol";
import { RawPeer } from "./raw-peer.ts";

/** What a peer says of its node of the DHT to one that has a node: the bit of its handshake, and messages `port` (BEP 5). */
export async function saidOfDht(
  to: Endpoint,
  infoHash: InfoHash,
): Promise<{ readonly isOffered: boolean[]; readonly ports: number[] }> {
  const raw = await RawPeer.dial(to, { at: "127.2.0.1", infoHash });
  const ports: number[] = [];
  const isOffered: boolean[] = [];
  raw.wire.on("port", (port) => ports.push(port));
  raw.wire.on("handshake", (_infoHash, _peerId, { dht }) => isOffered.push(dht));
  raw.wire.handshake(infoHash, "ab".repeat(20), { fast: true, dht: true });
  await raw.received("extended");
  await raw.ping();
  return { ports, isOffered };
}
