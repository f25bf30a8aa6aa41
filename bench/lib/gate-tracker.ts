import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "@cachetorrent/clock";
import {
  type AnnounceRequest,
  decodeAnnounceRequest,
  type Endpoint,
  encodeAnnounceAnswer,
  encodeFailure,
  type InfoHash,
  type PeerId,
  parseAddress,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";

interface Member {
  readonly endpoint: Endpoint;
  readonly isSeed: boolean;
}

interface Held {
  readonly request: AnnounceRequest;
  readonly response: ServerResponse;
}

/** Processes of the bench are up and have announced after so long, or never. */
const CEILING_MS = 120_000;
const INTERVAL_S = 1800;

/**
 * A tracker that lets leechers wait for its answer until all are there: how long a client takes to start is then no part of how
 * fast it downloads. Clients are told of each other at one moment, from which their time counts.
 */
export class GateTracker {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #swarms = new Map<InfoHash, Map<PeerId, Member>>();
  readonly #held: Held[] = [];
  readonly #waiters = new Set<() => void>();
  #isOpen: boolean;

  private constructor(clock: Clock, isOpen: boolean) {
    this.#clock = clock;
    this.#isOpen = isOpen;
    this.#server = createServer((request, response) => {
      const query = request.url?.split("?")[1] ?? "";
      this.#onAnnounce(query, request.socket.remoteAddress ?? "", response);
    });
  }

  static async start(clock: Clock, { isOpen = false } = {}): Promise<GateTracker> {
    const tracker = new GateTracker(clock, isOpen);
    await once(tracker.#server.listen(0, "127.0.0.1"), "listening");
    return tracker;
  }

  get announceUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/announce`;
  }

  /** Resolves when so many seeds, over all torrents, have announced. */
  seeds(howMany: number): Promise<void> {
    return this.#until(`${howMany} seeds announced`, () => {
      let seeds = 0;
      for (const swarm of this.#swarms.values())
        for (const member of swarm.values()) if (member.isSeed) seeds++;
      return seeds >= howMany;
    });
  }

  /** Resolves when so many leechers wait for their answer. */
  leechersWaiting(howMany: number): Promise<void> {
    return this.#until(`${howMany} leechers announced`, () => this.#held.length >= howMany);
  }

  /** Answers all that wait, and from now on everybody at once. Returns when. */
  open(): number {
    this.#isOpen = true;
    const at = this.#clock.now();
    for (const held of this.#held.splice(0)) this.#answer(held);
    return at;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #onAnnounce(query: string, remote: string, response: ServerResponse): void {
    const decoded = decodeAnnounceRequest(query);
    const address = parseAddress(remote);
    if (!decoded.ok || !address) {
      response.end(encodeFailure("no announce"));
      return;
    }
    const request = decoded.value;
    const swarm = this.#swarms.get(request.infoHash) ?? new Map<PeerId, Member>();
    this.#swarms.set(request.infoHash, swarm);
    const isSeed = request.left === 0;
    if (request.event === "stopped") swarm.delete(request.peerId);
    else swarm.set(request.peerId, { endpoint: { address, port: request.port }, isSeed });
    if (this.#isOpen || isSeed || request.event === "stopped") this.#answer({ request, response });
    else this.#held.push({ request, response });
    for (const look of [...this.#waiters]) look();
  }

  #answer({ request, response }: Held): void {
    const members = [...(this.#swarms.get(request.infoHash) ?? [])];
    const others = members.filter(([peerId]) => peerId !== request.peerId).map(([, member]) => member);
    // A seed is not told of leechers: some would dial them, some not.
    const told = request.left === 0 ? [] : others;
    const answer = {
      interval: INTERVAL_S,
      complete: others.filter((one) => one.isSeed).length,
      incomplete: others.filter((one) => !one.isSeed).length,
      peers: told.map(({ endpoint }) => ({ endpoint, asn: UNKNOWN_ASN })),
    };
    response.end(encodeAnnounceAnswer(answer, { compact: request.compact, noPeerId: request.noPeerId }));
  }

  #until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (how: () => void): void => {
        ceiling.cancel();
        this.#waiters.delete(look);
        how();
      };
      const look = (): void => {
        if (holds()) settle(resolve);
      };
      const ceiling = this.#clock.after(
        CEILING_MS,
        () => settle(() => reject(new Error(`not within ${CEILING_MS / 1000} s: ${what}`))),
        { keepAlive: true },
      );
      this.#waiters.add(look);
    });
  }
}
