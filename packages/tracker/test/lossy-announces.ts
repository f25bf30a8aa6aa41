import { ManualClock, seededRandom } from "@cachetorrent/clock";
import {
  type Address,
  type AnnounceAnswer,
  type AnnounceRequest,
  type Asn,
  defaultPolicy,
  type PeerId,
  unwrap,
} from "@cachetorrent/protocol";
import { MemorySwarmStore, PrefixTable, type Swarm } from "@cachetorrent/tracker";
import fc from "fast-check";
import { announce } from "../src/announce.ts";
import { Tracker } from "../src/tracker.ts";
import { id, ip, SWARM } from "./support.ts";

const SECOND = 1000;
/** Peers are to announce so often; who does not for twice as long expires. */
const INTERVAL_MS = 60 * SECOND;
/** AS 0 is the unknown one. */
export const ASES = 5;

/** What a peer that has nothing has left. */
const CONTENT = 100;

/** When each copy of an announce arrives, in ms: of a lost one none. */
const someFate = fc.array(fc.oneof(fc.nat(100), fc.nat(5 * SECOND), fc.nat(150 * SECOND)), { maxLength: 2 });

const someStep = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom("start", "progress", "stop", "become stock", "stand", "withdraw"),
      asn: fc.nat(ASES - 1),
      /** Few have stories of their own, and the others are there. */
      place: fc.oneof({ weight: 3, arbitrary: fc.nat(1) }, { weight: 1, arbitrary: fc.nat(60) }),
      value: fc.oneof(fc.constant(CONTENT), fc.nat(CONTENT)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("all announce") }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.oneof(fc.nat(SECOND), fc.nat(30 * SECOND), fc.nat(3 * INTERVAL_MS)),
    }),
  },
);

const someAs = fc.record({
  members: fc.oneof(fc.nat(3), fc.nat(45)),
  stock: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(20)),
  seeds: fc.nat(2),
});

const someNumwant = fc.oneof(fc.constant(undefined), fc.nat(60), fc.nat(250));

export const someStory = fc.record({
  seed: fc.nat(),
  ases: fc.array(someAs, { minLength: ASES, maxLength: ASES }),
  fates: fc.array(fc.oneof(fc.tuple(fc.nat(100)), someFate), { minLength: 1, maxLength: 30, size: "max" }),
  numwants: fc.array(someNumwant, { minLength: 1, maxLength: 20, size: "max" }),
  steps: fc.array(someStep, { maxLength: 40, size: "max" }),
});

export type Story = typeof someStory extends fc.Arbitrary<infer T> ? T : never;

/** A client, and what it would say of itself. */
interface Client {
  readonly peerId: PeerId;
  readonly address: Address;
  readonly asn: Asn;
  isHere: boolean;
  isMember: boolean;
  up: number | undefined;
  left: number;
  downloaded: number;
}

/** What the announces that arrived tell of a peer, kept in the simplest way. */
export interface Known {
  readonly asn: Asn;
  readonly isOrigin: boolean;
  left: number;
  /** Absent for stock clients, 0 for members that do not stand. */
  up: number | undefined;
  /** It is a candidate. */
  stands: boolean;
  announcedAt: number;
}

export interface Arrival {
  readonly request: AnnounceRequest;
  readonly answer: AnnounceAnswer;
}

/** A real tracker under `coordinated`, and clients whose announces come late, twice, out of order, or not at all. */
export class LossyAnnounces {
  readonly clock = new ManualClock(1_700_000_000_000);
  readonly tracker: Tracker;
  readonly known = new Map<PeerId, Known>();
  readonly clients: readonly Client[];
  readonly #store: MemorySwarmStore;
  readonly #story: Story;
  readonly #arrived: (arrival: Arrival) => void;
  #sent = 0;

  constructor(story: Story, arrived: (arrival: Arrival) => void) {
    const random = seededRandom(story.seed);
    const resolver = new PrefixTable();
    for (let asn = 1; asn < ASES; asn++) resolver.addAssignment(`198.18.${asn}.0/24=${asn}`);
    this.#store = new MemorySwarmStore(random);
    this.tracker = new Tracker({
      clock: this.clock,
      random,
      resolver,
      store: this.#store,
      intervalMs: INTERVAL_MS,
      policies: {
        standard: defaultPolicy({ leaderPercent: 10, deadlineMs: 5 * SECOND }),
        overrides: new Map(),
      },
    });
    this.#story = story;
    this.#arrived = arrived;
    this.clients = story.ases.flatMap(({ members, stock, seeds }, asn) =>
      Array.from({ length: members + stock }, (_, i) => ({
        peerId: id(`${asn}/${i}`),
        address: ip(`198.18.${asn}.${i + 1}`),
        asn: asn as Asn,
        isHere: true,
        isMember: i < members,
        up: i % 4 === 3 ? undefined : 100 + i,
        left: i >= members + stock - seeds ? 0 : CONTENT,
        downloaded: 0,
      })),
    );
    for (const client of this.clients) this.#send(client);
  }

  /** Undefined while nobody is in it. */
  get swarm(): Swarm | undefined {
    return this.#store.get(SWARM);
  }

  happen(step: Story["steps"][number]): void {
    if ("ms" in step) {
      this.clock.advance(step.ms);
      return;
    }
    if (!("place" in step)) {
      for (const client of this.clients) if (client.isHere) this.#send(client);
      return;
    }
    const ofAs = this.clients.filter(({ asn }) => asn === step.asn);
    const client = ofAs[step.place % ofAs.length];
    if (client) this.#act(client, step.kind, step.value);
  }

  /** Forgets who has expired. The tracker looks every few seconds: from when a peer is overdue until then it may be there or not. */
  settle(): void {
    const now = this.clock.now();
    for (const [peerId, { announcedAt }] of this.known) {
      const overdueMs = now - announcedAt - 2 * INTERVAL_MS;
      const isGone = this.swarm?.get(peerId) === undefined;
      if (overdueMs > 5 * SECOND || (overdueMs >= 0 && isGone)) this.known.delete(peerId);
    }
  }

  /** Head and standby of an AS, as its election has them. */
  seniors(asn: Asn): readonly PeerId[] {
    return this.tracker.elections.get(SWARM)?.result(asn)?.leaders.slice(0, 2) ?? [];
  }

  #act(client: Client, kind: string, value: number): void {
    if (kind === "stop") {
      client.isHere = false;
      this.#send(client, "stopped");
      return;
    }
    // After it stopped, or was killed, its counters start again.
    if (kind === "start" || !client.isHere) client.downloaded = 0;
    client.isHere = true;
    if (kind === "progress") {
      const got = Math.min(client.left, value);
      client.left -= got;
      client.downloaded += got;
    }
    if (kind === "stand" || kind === "withdraw") client.isMember = true;
    if (kind === "stand") client.up = value;
    if (kind === "withdraw") client.up = undefined;
    if (kind === "become stock") client.isMember = false;
    this.#send(client);
  }

  #send(client: Client, event?: "stopped"): void {
    const { fates, numwants } = this.#story;
    const { peerId, address, isMember, up, left, downloaded } = client;
    const numwant = numwants[this.#sent % numwants.length];
    const member = {
      term: 0,
      externalBytes: 0,
      internalBytes: 0,
      ...(up === undefined ? {} : { capacity: { up, down: up } }),
    };
    const request: AnnounceRequest = {
      infoHash: SWARM,
      peerId,
      port: 6881,
      uploaded: 0,
      downloaded,
      left,
      compact: true,
      noPeerId: false,
      ...(event ? { event } : {}),
      ...(numwant === undefined ? {} : { numwant }),
      ...(isMember ? { member } : {}),
    };
    for (const delayMs of fates[this.#sent++ % fates.length] ?? []) {
      this.clock.after(delayMs, () => this.#arrive(request, address, client.asn));
    }
  }

  #arrive(request: AnnounceRequest, address: Address, asn: Asn): void {
    this.settle();
    const answer = unwrap(announce(this.tracker, request, address));
    const { peerId, left, downloaded, member } = request;
    if (request.event === "stopped") this.known.delete(peerId);
    else {
      const before = this.known.get(peerId);
      this.known.set(peerId, {
        asn,
        isOrigin: before?.isOrigin ?? (left === 0 && downloaded === 0),
        left,
        up: member && (member.capacity?.up ?? 0),
        stands: member?.capacity !== undefined,
        announcedAt: this.clock.now(),
      });
    }
    this.#arrived({ request, answer });
  }
}
