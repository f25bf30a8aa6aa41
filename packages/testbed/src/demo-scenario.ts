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
 * Three sites of four, one of them with the seed. With 12 peers a tracker that hands out its usual 50 would
 * give everybody to everybody, whatever its policy: short lists make the hand-out matter as it does in a swarm
 * of thousands. Of three entries a biased list has one from outside, so that no AS is an island; and there is room
 * for more than twice the connections a peer dials, so that nobody comes too late to find a place.
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
    { name: "biased", trackerArgs: ["--external-percent", "34"] },
  ],
  limitUp,
  peerArgs: ["--limit-up", `${limitUp / 1_000_000}MB/s`, "--numwant", "3", "--max-connections", "7"],
  // All candidates vote before the first result: who leads is then a matter of rank, not of who came first.
  trackerArgs: ["--quorum", "12"],
  timeoutMs: 120_000,
};
