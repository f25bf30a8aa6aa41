import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  decodeAnnounceRequest,
  type Endpoint,
  encodeAnnounceAnswer,
  type InfoHash,
  type PeerEntry,
  type PeerId,
  parseAddress,
  UNKNOWN_ASN,
  unwrap,
} from "@cachetorrent/protocol";
import { onTestFinished } from "vitest";
import { asn } from "./samples.ts";

/**
 * A real HTTP tracker as plain as can be: it tells every peer of all others. The AS of 127.AS.y.z is its second
 * number.
 */
export class MeetingPoint {
  readonly announceUrl: string;
  readonly #swarms = new Map<InfoHash, Map<PeerId, PeerEntry>>();
  readonly #extra: PeerEntry[] = [];

  private constructor(server: Server) {
    this.announceUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
    server.on("request", (request, response) => {
      const [path, query = ""] = (request.url ?? "").split("?");
      if (path !== "/announce") return void response.writeHead(404).end();
      const announce = unwrap(decodeAnnounceRequest(query));
      const address = parseAddress(request.socket.remoteAddress ?? "");
      if (!address) return void response.destroy();
      const swarm = this.#swarms.get(announce.infoHash) ?? new Map<PeerId, PeerEntry>();
      this.#swarms.set(announce.infoHash, swarm);
      const me = { address, port: announce.port };
      if (announce.event === "stopped") swarm.delete(announce.peerId);
      else swarm.set(announce.peerId, { endpoint: me, asn: asnOf(me), peerId: announce.peerId });
      const others = [...swarm.values()].filter((peer) => peer.peerId !== announce.peerId);
      response.end(
        encodeAnnounceAnswer(
          {
            interval: 1800,
            minInterval: 1,
            complete: 0,
            incomplete: 0,
            peers: [...others, ...this.#extra],
            ct: { asn: asnOf(me), policy: { name: "bittorrent" } },
          },
          { compact: true },
        ),
      );
    });
  }

  static async open(): Promise<MeetingPoint> {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return new MeetingPoint(server);
  }

  /** Every answer from now on lists this endpoint too. */
  list(endpoint: Endpoint): void {
    this.#extra.push({ endpoint, asn: asnOf(endpoint) });
  }
}

function asnOf({ address }: Endpoint) {
  const site = Number(address.split(".")[1]);
  return site > 0 ? asn(site) : UNKNOWN_ASN;
}
