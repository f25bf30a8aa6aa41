import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type Address,
  type Asn,
  type CtAnswer,
  decodeAnnounceRequest,
  decodeLeadersQuery,
  decodeLocateQuery,
  type Endpoint,
  encodeAnnounceAnswer,
  encodeFailure,
  encodeLeadersAnswer,
  encodeLocateAnswer,
  type InfoHash,
  type PeerEntry,
  type PeerId,
  type Policy,
  parseAddress,
  type SwarmAs,
  sameEndpoint,
  unwrap,
} from "@cachetorrent/protocol";
import { onTestFinished } from "vitest";
import { asn } from "./samples.ts";

/** Who is said to lead, and with ranges what; a `TestPeer` fits. */
export interface Led {
  readonly peerId: PeerId;
  readonly endpoint: Endpoint;
  readonly range?: number;
}

/** What a peer is told besides peers. Without leaders there was no election yet. */
export interface Word {
  readonly policy: Policy;
  readonly leaders?: readonly Led[];
  readonly ases?: readonly SwarmAs[];
  readonly term: number;
}

export const CACHE: Policy = { name: "cache", leaderPercent: 10, deadlineMs: 5000 };

export const MULTI: Policy = { ...CACHE, name: "multi", ranges: 2 };

export const COORDINATED: Policy = { ...CACHE, name: "coordinated", fetchers: "all", relief: 1 };

/** A member that waits for a newer term. */
interface Poll {
  readonly peerId: PeerId;
  readonly asn: Asn;
  readonly term: number;
  readonly response: ServerResponse;
}

/**
 * A real HTTP tracker as plain as can be: it tells every peer of all others, and of a policy and leaders what the test says.
 * The AS of 127.AS.y.z is its second number.
 */
export class MeetingPoint {
  readonly announceUrl: string;
  /** How long peers are to wait between announces. */
  intervalS = 1800;
  /** The endpoints that `/locate` was asked about. */
  readonly located: Endpoint[] = [];
  /** Until then `/locate` does not answer. */
  locateHeld: Promise<void> | undefined;
  /** Until then no announce is answered. */
  announceHeld: Promise<void> | undefined;
  /** Addresses that are of another AS than they look. */
  readonly places = new Map<Address, Asn>();
  /** How many announces were answered. */
  announces = 0;
  /** The leaders that were reported as stalled, in the order of the reports. */
  readonly reports: PeerId[] = [];
  readonly #swarms = new Map<InfoHash, Map<PeerId, PeerEntry>>();
  readonly #listed: { readonly entry: PeerEntry; readonly to: PeerId | undefined }[] = [];
  readonly #words = new Map<PeerId, Word>();
  readonly #polls = new Set<Poll>();
  #word: Word = { policy: { name: "bittorrent" }, term: 0 };
  #newestTerm = 0;
  #located: (endpoint: Endpoint) => boolean = () => true;

  private constructor(server: Server) {
    this.announceUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
    server.on("request", (request, response) => {
      const [path, query = ""] = (request.url ?? "").split("?");
      if (path === "/announce") void this.#answerAnnounce(query, request, response);
      else if (path === "/leaders") this.#poll(query, response);
      else if (path === "/locate") void this.#locate(query).then((answer) => response.end(answer));
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

  /** Every answer from now on, or every one to this peer, lists this endpoint too. */
  list(endpoint: Endpoint, to?: PeerId): void {
    this.#listed.push({ entry: { endpoint, asn: this.#asnOf(endpoint) }, to });
  }

  /**
   * From now on everybody, or this peer, is told so; what is left out stays as it was. Leaders without a term are a newer
   * result. Who has a poll open and knows an older term hears of it at once. Returns the term.
   */
  tell(word: Partial<Word>, to?: PeerId): number {
    const before = this.#wordFor(to);
    const term = word.term ?? (word.leaders ? this.#newestTerm + 1 : before.term);
    this.#newestTerm = Math.max(this.#newestTerm, term);
    const told = { ...before, ...word, term };
    if (to === undefined) this.#word = told;
    else this.#words.set(to, told);
    for (const poll of [...this.#polls]) this.#answer(poll);
    return term;
  }

  /** From now on `/locate` knows only these in the swarm; before it knows every endpoint it is asked about. */
  knowOnly(...endpoints: readonly Endpoint[]): void {
    this.#located = (endpoint) => endpoints.some((one) => sameEndpoint(one, endpoint));
  }

  async #answerAnnounce(query: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.announceHeld;
    if (request.socket.destroyed) return;
    response.end(this.#announce(query, request));
  }

  #announce(query: string, request: IncomingMessage): Uint8Array {
    const { event, infoHash, member, peerId, port } = unwrap(decodeAnnounceRequest(query));
    const address = parseAddress(request.socket.remoteAddress ?? "");
    if (!address) throw new Error("an announce from nowhere");
    const me: PeerEntry = { endpoint: { address, port }, asn: this.#asnOf({ address, port }), peerId };
    const swarm = this.#swarms.get(infoHash) ?? new Map<PeerId, PeerEntry>();
    this.#swarms.set(infoHash, swarm);
    if (event === "stopped") swarm.delete(peerId);
    else swarm.set(peerId, me);
    this.announces++;
    if (member?.stalled) this.reports.push(member.stalled);
    const others = [...swarm.values()].filter((peer) => peer.peerId !== peerId);
    const listed = this.#listed.filter(({ to }) => to === undefined || to === peerId);
    return encodeAnnounceAnswer(
      {
        interval: this.intervalS,
        minInterval: 1,
        complete: 0,
        incomplete: 0,
        peers: [...others, ...listed.map(({ entry }) => entry)],
        ct: this.#ct(peerId, me.asn),
      },
      { compact: true },
    );
  }

  /** The long poll: answered when the term is above the one asked with. */
  #poll(query: string, response: ServerResponse): void {
    const { infoHash, peerId, term } = unwrap(decodeLeadersQuery(query));
    const me = this.#swarms.get(infoHash)?.get(peerId);
    if (!me) {
      response.end(encodeFailure("unknown peer"));
      return;
    }
    const poll: Poll = { peerId, asn: me.asn, term, response };
    this.#polls.add(poll);
    response.on("close", () => this.#polls.delete(poll));
    this.#answer(poll);
  }

  #answer(poll: Poll): void {
    if (this.#wordFor(poll.peerId).term <= poll.term) return;
    this.#polls.delete(poll);
    poll.response.end(encodeLeadersAnswer(this.#ct(poll.peerId, poll.asn)));
  }

  #wordFor(peerId: PeerId | undefined): Word {
    return (peerId === undefined ? undefined : this.#words.get(peerId)) ?? this.#word;
  }

  #ct(peerId: PeerId, asn: Asn): CtAnswer {
    const { ases, leaders, policy, term } = this.#wordFor(peerId);
    const entries = leaders?.map((one) => ({
      peerId: one.peerId,
      endpoint: one.endpoint,
      up: 1,
      down: 1,
      ...(one.range === undefined ? {} : { range: one.range }),
    }));
    return {
      asn,
      policy,
      ...(ases ? { ases } : {}),
      ...(entries ? { leaders: { term, leaders: entries } } : {}),
    };
  }

  async #locate(query: string): Promise<Uint8Array> {
    const { endpoints } = unwrap(decodeLocateQuery(query));
    this.located.push(...endpoints);
    await this.locateHeld;
    return encodeLocateAnswer(
      endpoints.map((endpoint) => ({ asn: this.#asnOf(endpoint), known: this.#located(endpoint) })),
    );
  }

  #asnOf({ address }: Endpoint): Asn {
    return this.places.get(address) ?? asn(Number(address.split(".")[1]));
  }
}
