import type { Asn, PolicyName } from "@cachetorrent/protocol";
import type { ContentFile } from "./content.ts";
import type { Site } from "./swarm-run.ts";

const MiB = 1 << 20;

export interface DemoPolicy {
  readonly name: PolicyName;
  readonly trackerArgs: readonly string[];
}

/** What `scripts/demo` runs. */
export interface DemoScenario {
  readonly name: string;
  readonly files: readonly ContentFile[];
  readonly pieceLength: number;
  readonly sites: readonly Site[];
  readonly policies: readonly DemoPolicy[];
  /** Bytes/s. */
  readonly limitUp: number;
  readonly peerArgs: readonly string[];
  readonly trackerArgs: readonly string[];
  readonly timeoutMs: number;
}

const limitUp = 4_000_000;

/**
 * Three sites of four, one of them with the seed. With 12 peers a tracker that hands out its usual 50 would give everybody to
 * everybody, whatever its policy: lists are of 4, a third of the swarm. Of these a coordinated member has three for its own AS,
 * which is all of that, and one outside.
 */
export const DEMO: DemoScenario = {
  name: "demo-content",
  files: [
    { path: "film.bin", bytes: 20 * MiB + 12_345 },
    { path: "extras/sound.bin", bytes: 9 * MiB },
    { path: "extras/pictures.bin", bytes: 3 * MiB - 12_345 },
    { path: "README", bytes: 4096 },
    { path: "extras/empty", bytes: 0 },
  ],
  pieceLength: 256 * 1024,
  sites: [
    { asn: 1 as Asn, peers: 4, seeds: 1 },
    { asn: 2 as Asn, peers: 4 },
    { asn: 3 as Asn, peers: 4 },
  ],
  policies: [
    { name: "bittorrent", trackerArgs: [] },
    { name: "cache", trackerArgs: ["--leader-percent", "50"] },
    { name: "coordinated", trackerArgs: [] },
  ],
  limitUp,
  peerArgs: ["--limit-up", `${limitUp / 1_000_000}MB/s`, "--numwant", "4"],
  // All candidates vote before the first result under `cache`: who leads is then a matter of rank, not of who came first.
  trackerArgs: ["--quorum", "12"],
  timeoutMs: 120_000,
};
