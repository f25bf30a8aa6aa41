import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type Asn,
  decodeAnnounceRequest,
  decodeLocateQuery,
  type Endpoint,
  encodeAnnounceAnswer,
  encodeLocateAnswer,
  type InfoHash,
  type PeerEntry,
  type PeerId,
  parseAddress,
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
  readonly #listed: PeerEntry[] = [];

  private constructor(server: Server) {
    this.announceUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
    server.on("request", (request, response) => {
      const [path, query = ""] = (request.url ?? "").split("?");
      if (path === "/announce") response.end(this.#announce(query, request));
      else if (path === "/locate") response.end(locate(query));
      else response.writeHead(404).end();
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
    this.#listed.push({ endpoint, asn: asnOf(endpoint) });
  }

  #announce(query: string, request: IncomingMessage): Uint8Array {
    const { event, infoHash, peerId, port } = unwrap(decodeAnnounceRequest(query));
    const address = parseAddress(request.socket.remoteAddress ?? "");
    if (!address) throw new Error("an announce from nowhere");
    const me: PeerEntry = { endpoint: { address, port }, asn: asnOf({ address, port }), peerId };
    const swarm = this.#swarms.get(infoHash) ?? new Map<PeerId, PeerEntry>();
    this.#swarms.set(infoHash, swarm);
    if (event === "stopped") swarm.delete(peerId);
    else swarm.set(peerId, me);
    const others = [...swarm.values()].filter((peer) => peer.peerId !== peerId);
    return encodeAnnounceAnswer(
      {
        interval: 1800,
        minInterval: 1,
        complete: 0,
        incomplete: 0,
        peers: [...others, ...this.#listed],
        ct: { asn: me.asn, policy: { name: "bittorrent" } },
      },
      { compact: true },
    );
  }
}

function locate(query: string): Uint8Array {
  const { endpoints } = unwrap(decodeLocateQuery(query));
  return encodeLocateAnswer(endpoints.map((endpoint) => ({ asn: asnOf(endpoint), known: true })));
}

function asnOf({ address }: Endpoint): Asn {
  return asn(Number(address.split(".")[1]));
}
