import type { PeerDaemon, PeerStatus, TorrentStatus, TorrentTraffic } from "@cachetorrent/peer";
import { type Asn, isInternal, LIMITS } from "@cachetorrent/protocol";
import { Counter, Gauge, Registry } from "prom-client";

/** What it is asked for. */
type MeasuredPeer = Pick<PeerDaemon, "status" | "traffic">;
type Direction = "received" | "sent";

/** A daemon's numbers for Prometheus. No label is of a stranger's making without a bound: not an AS, not a name. */
export class PeerMetrics {
  readonly registry = new Registry();
  readonly #peer: MeasuredPeer;
  /** As it was when it was scraped last: all numbers are of one moment. */
  #status: PeerStatus = { connections: 0, torrents: [] };
  /** The ASes that have a label of their own, by when they were first seen: so no counter ever falls. */
  readonly #named = new Set<string>();

  constructor(peer: MeasuredPeer) {
    this.#peer = peer;
    this.#bytes("received", "Payload received, by the sender's AS and whether that is our own (internal).");
    this.#bytes("sent", "Payload sent, by the receiver's AS and whether that is our own (internal).");
    this.#gauge("connections", "Open connections.", () => this.#status.connections);
    this.#gauge("receive_rate_bytes", "Payload received now, bytes/s.", () =>
      this.#sum(({ rateIn }) => rateIn),
    );
    this.#gauge("send_rate_bytes", "Payload sent now, bytes/s.", () => this.#sum(({ rateOut }) => rateOut));
    this.#gauge("wanted_bytes", "Bytes in the pieces that are wanted.", () =>
      this.#sum(({ length, wanted }) => wanted?.length ?? length),
    );
    this.#gauge("verified_bytes", "Of the pieces that are wanted, those that are verified.", () =>
      this.#sum(({ verifiedBytes, wanted }) => wanted?.verifiedBytes ?? verifiedBytes),
    );
    this.#labelled("torrents", "Torrents by state.", "state", STATES, ({ state }) => [state]);
    this.#labelled("roles", "Torrents by role.", "role", [], ({ role }) => [role]);
  }

  /** The text that Prometheus scrapes. */
  text(): Promise<string> {
    this.#status = this.#peer.status();
    return this.registry.metrics();
  }

  #bytes(direction: Direction, help: string): void {
    const totals = () => this.#totals(direction);
    new Counter({
      name: `cachetorrent_peer_${direction}_bytes_total`,
      help,
      labelNames: ["side", "asn"] as const,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [side, byAsn] of Object.entries(totals())) {
          for (const [asn, bytes] of byAsn) this.inc({ side, asn }, bytes);
        }
      },
    });
  }

  #totals(direction: Direction): Record<"internal" | "external", Map<string, number>> {
    const totals = { internal: new Map<string, number>(), external: new Map<string, number>() };
    for (const traffic of this.#peer.traffic) {
      for (const [asn, bytes] of Object.entries(byAsnOf(traffic, direction))) {
        const side = isInternal(Number(asn) as Asn, traffic.asn) ? "internal" : "external";
        const label = this.#labelOf(asn);
        totals[side].set(label, (totals[side].get(label) ?? 0) + bytes);
      }
    }
    return totals;
  }

  #labelOf(asn: string): string {
    if (this.#named.size < LIMITS.control.asesCounted) this.#named.add(asn);
    return this.#named.has(asn) ? asn : "other";
  }

  #sum(of: (torrent: TorrentStatus) => number): number {
    return this.#status.torrents.reduce((total, torrent) => total + of(torrent), 0);
  }

  #gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name: `cachetorrent_peer_${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.set(value());
      },
    });
  }

  /** How many torrents have each value of the label; of `always` also those that none has. */
  #labelled(
    name: string,
    help: string,
    label: string,
    always: readonly string[],
    of: (torrent: TorrentStatus) => readonly string[],
  ): void {
    const torrents = () => this.#status.torrents;
    new Gauge({
      name: `cachetorrent_peer_${name}`,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const value of always) this.set({ [label]: value }, 0);
        for (const torrent of torrents()) for (const value of of(torrent)) this.inc({ [label]: value });
      },
    });
  }
}

const STATES = ["metadata", "checking", "downloading", "paused", "seeding", "stopped", "failed"] as const;

function byAsnOf({ receivedByAsn, sentByAsn }: TorrentTraffic, direction: Direction) {
  return direction === "received" ? receivedByAsn : sentByAsn;
}
