import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { LeadersFeed } from "./leaders-feed.ts";
import type { Answer } from "./query-route.ts";
import { Refusal } from "./refusal.ts";
import type { Swarm } from "./swarm.ts";
import type { Tracker } from "./tracker.ts";

/** The tracker's numbers for Prometheus, in a registry of their own: an app that mounts the tracker has its own. */
export class TrackerMetrics {
  readonly registry = new Registry();
  readonly #requests = new Counter({
    name: "cachetorrent_tracker_requests_total",
    help: "Requests by route and outcome: ok, or the code of the error.",
    labelNames: ["route", "outcome"] as const,
    registers: [this.registry],
  });
  readonly #refusals = new Counter({
    name: "cachetorrent_tracker_refused_total",
    help: "Requests refused with CT_ERR_REFUSED, by route and reason.",
    labelNames: ["route", "reason"] as const,
    registers: [this.registry],
  });
  readonly #announceSeconds = new Histogram({
    name: "cachetorrent_tracker_announce_seconds",
    help: "Time to answer an announce, without the socket.",
    buckets: [0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.1],
    registers: [this.registry],
  });
  readonly #requestCounts = new Map<string, number>();
  readonly #refusalCounts = new Map<string, number>();
  readonly #leadersChanges: Counter;

  constructor(tracker: Tracker, feed: LeadersFeed) {
    const { store } = tracker.options;
    const sum = (of: (swarm: Swarm) => number) => {
      let total = 0;
      for (const swarm of store.swarms()) total += of(swarm);
      return total;
    };
    this.#gauge("swarms", "Swarms with a peer.", () => store.size);
    this.#gauge("peers", "Peers in all swarms.", () => sum((swarm) => swarm.size));
    this.#gauge("members", "Peers that speak the extension.", () => sum((swarm) => swarm.memberCount));
    this.#gauge("long_polls", "Leaders' long polls open.", () => feed.open);
    this.#gauge("external_bytes", "Payload that members say crossed an AS border.", () =>
      sum((swarm) => swarm.totals.externalBytes),
    );
    this.#gauge("internal_bytes", "Payload that members say stayed inside an AS.", () =>
      sum((swarm) => swarm.totals.internalBytes),
    );
    this.#leadersChanges = new Counter({
      name: "cachetorrent_tracker_leaders_changes_total",
      help: "New results of electorates.",
      registers: [this.registry],
    });
    tracker.onLeadersChanged(() => this.#leadersChanges.inc());
  }

  /** Counts a request. Kept in a plain map until somebody looks: a labelled counter costs as much as the announce. */
  count(route: string, answer: Answer): void {
    increase(this.#requestCounts, `${route} ${answer.ok ? "ok" : answer.error.code}`);
    if (!answer.ok && answer.error instanceof Refusal) {
      increase(this.#refusalCounts, `${route} ${answer.error.reason}`);
    }
  }

  observeAnnounce(milliseconds: number): void {
    this.#announceSeconds.observe(milliseconds / 1000);
  }

  /** The text that Prometheus scrapes. */
  text(): Promise<string> {
    for (const [key, count] of this.#requestCounts) {
      const [route = "", outcome = ""] = key.split(" ");
      this.#requests.inc({ route, outcome }, count);
    }
    for (const [key, count] of this.#refusalCounts) {
      const [route = "", reason = ""] = key.split(" ");
      this.#refusals.inc({ route, reason }, count);
    }
    this.#requestCounts.clear();
    this.#refusalCounts.clear();
    return this.registry.metrics();
  }

  #gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name: `cachetorrent_tracker_${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.set(value());
      },
    });
  }
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
