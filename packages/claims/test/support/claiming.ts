import type { ClaimMessage, Endpoint } from "@cachetorrent/protocol";
import { ClaimClient, type ClaimClientOptions } from "../../src/index.ts";
import type { Told } from "./booked.ts";
import { endpoint } from "./endpoints.ts";

/** All the pieces that there are. */
export const MANY: readonly number[] = [...Array(64).keys()];

export interface TestNeighbour {
  readonly endpoint: Endpoint;
  readonly has: Set<number>;
  /** Bytes/s. */
  rate: number;
}

/** A client, and what it tells; time is moved by hand. Its neighbours hold what is said here. */
export class Claiming {
  now = 10_000;
  hasHead = true;
  sent: ClaimMessage[] = [];
  /** What it called back, as a line each. */
  calls: string[] = [];
  readonly begun = new Set<number>();
  readonly inside = new Set<number>();
  /** How many pieces are wanted still. */
  missing = 0;
  readonly client: ClaimClient<TestNeighbour>;
  #neighbours = 0;

  constructor(options: Partial<ClaimClientOptions<TestNeighbour>> = {}) {
    this.client = new ClaimClient<TestNeighbour>({
      pieceCount: 64,
      pieceLength: 100_000,
      up: 5000,
      port: () => (this.hasHead ? { send: (body) => this.sent.push(body) } : undefined),
      candidates: (neighbour, most, isOpen) => [...neighbour.has].filter(isOpen).slice(0, most),
      has: (neighbour, piece) => neighbour.has.has(piece),
      rate: ({ rate }) => rate,
      headRttMs: () => 20,
      neighbourRttMs: () => 50,
      endpointOf: (neighbour) => neighbour.endpoint,
      hasBytesOf: (piece) => this.begun.has(piece),
      missingCount: () => this.missing,
      internalHas: (piece) => this.inside.has(piece),
      granted: (neighbour, pieces) => this.calls.push(`granted ${pieces} of ${neighbour.endpoint.address}`),
      lost: (neighbour, piece) => this.calls.push(`lost ${piece} of ${neighbour.endpoint.address}`),
      takenChanged: () => this.calls.push("taken changed"),
      headStalled: (fault) => this.calls.push(`head ${fault}`),
      connectTo: (endpoints, piece) => this.calls.push(`connect to ${endpoints.length} for ${piece}`),
      ...options,
    });
  }

  neighbour(...pieces: number[]): TestNeighbour {
    return { endpoint: endpoint(++this.#neighbours), has: new Set(pieces), rate: 0 };
  }

  /** One that has unchoked us. */
  unchoked(...pieces: number[]): TestNeighbour {
    const neighbour = this.neighbour(...pieces);
    this.client.neighbourUnchoked(neighbour, this.now);
    return neighbour;
  }

  /** The claim sent last is granted; with these, or all it asked for. */
  grant(pieces?: readonly number[], ttlMs = 10_000): void {
    const claim = this.took("claim").at(-1);
    if (!claim) throw new Error("nothing was claimed");
    const granted = pieces ?? claim.pieces.slice(0, claim.n);
    this.client.received({ m: "grant", q: claim.q, pieces: granted, ttlMs }, this.now);
  }

  pass(ms: number, during: () => void = () => undefined): void {
    const until = this.now + ms;
    while (this.now < until) {
      this.now = Math.min(until, this.now + 250);
      during();
      this.client.sweep(this.now);
    }
  }

  /** What was sent of one kind since the last look. */
  took<M extends ClaimMessage["m"]>(m: M): Told<M>[] {
    const took = this.sent.filter((body): body is Told<M> => body.m === m);
    this.sent = this.sent.filter((body) => body.m !== m);
    return took;
  }

  /** What it called back since the last look, of that beginning. */
  called(beginning: string): string[] {
    const called = this.calls.filter((call) => call.startsWith(beginning));
    this.calls = this.calls.filter((call) => !call.startsWith(beginning));
    return called;
  }
}

/** The map of these among 64. */
export function mapOf(...pieces: number[]): Uint8Array {
  const bits = new Uint8Array(8);
  for (const piece of pieces) bits[piece >> 3] = (bits[piece >> 3] ?? 0) | (0x80 >> (piece & 7));
  return bits;
}
