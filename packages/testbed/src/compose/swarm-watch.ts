import type { LedgerAccounts, TorrentAccounts } from "@cachetorrent/peer";
import type { PeerId } from "@cachetorrent/protocol";
import { externalBytes, type PeerRecord } from "../accounts.ts";
import { emptyAccounts } from "../ledger.ts";
import type { PreparedContent } from "../prepare-content.ts";
import type { CellResult } from "../report/results.ts";
import type { ComposePlan } from "./compose-plan.ts";

/** What the peers' ledgers, looked at again and again, say of a swarm. Pure: whoever reads the files brings them. */
export class SwarmWatch {
  readonly #plan: ComposePlan;
  readonly #content: PreparedContent["metainfo"];
  readonly #ledgers = new Map<number, TorrentAccounts>();
  readonly #ids = new Map<PeerId, number>();
  readonly #completed = new Set<number>();
  readonly #ledAtCompletion = new Set<number>();
  readonly #atMs: number[] = [];
  readonly #bytesByAs: number[][];

  constructor(plan: ComposePlan, content: PreparedContent["metainfo"]) {
    this.#plan = plan;
    this.#content = content;
    this.#bytesByAs = plan.ases.map(() => []);
  }

  /** Takes in what the files have now, by place in the plan. Returns the downloaders that have become complete since the last time. */
  look(ledgers: ReadonlyMap<number, LedgerAccounts>, leaders: ReadonlySet<PeerId>): number[] {
    const fresh: number[] = [];
    for (const [id, { peerId, torrents }] of ledgers) {
      const ledger = torrents.find(({ infoHash }) => infoHash === this.#content.infoHash);
      if (!ledger) continue;
      this.#ids.set(peerId, id);
      this.#ledgers.set(id, ledger);
      if (ledger.completedAt === null || this.#plan.peers[id]?.isInitialSeed || this.#completed.has(id))
        continue;
      this.#completed.add(id);
      fresh.push(id);
      // Under policies without roles somebody is elected too, but leads nothing.
      const role = ledger.roles.at(-1)?.role;
      if (leaders.has(peerId) && role !== "independent" && role !== "pending") this.#ledAtCompletion.add(id);
    }
    return fresh;
  }

  /** Notes what had crossed by now. */
  sample(elapsedMs: number): void {
    this.#atMs.push(Math.round(elapsedMs));
    this.#plan.ases.forEach(({ asn }, i) => {
      const bytes = this.records.filter((peer) => peer.asn === asn).map(externalBytes);
      this.#bytesByAs[i]?.push(bytes.reduce((sum, one) => sum + one, 0));
    });
  }

  get crossings(): CellResult["crossings"] {
    return { atMs: this.#atMs, bytesByAs: this.#bytesByAs };
  }

  /** By place in the plan; of those that have written nothing yet, too. */
  get records(): readonly PeerRecord[] {
    return this.#plan.peers.map(({ asn, id, isInitialSeed }) => ({
      asn,
      initialSeed: isInitialSeed,
      ledger: this.#ledgers.get(id) ?? emptyAccounts(this.#content.infoHash),
    }));
  }

  /** Verified content of all downloaders, 0 to 1. */
  get fraction(): number {
    const downloaders = this.records.filter((peer) => !peer.initialSeed);
    const pieces = downloaders.reduce((sum, peer) => sum + verifiedPieces(peer.ledger), 0);
    return pieces / (downloaders.length * this.#content.pieceCount);
  }

  get complete(): number {
    return this.#completed.size;
  }

  isComplete(id: number): boolean {
    return this.#completed.has(id);
  }

  ledAtCompletion(id: number): boolean {
    return this.#ledAtCompletion.has(id);
  }

  idOf(peerId: PeerId): number | undefined {
    return this.#ids.get(peerId);
  }
}

function verifiedPieces({ roles }: TorrentAccounts): number {
  return roles.flatMap((role) => Object.values(role.piecesByAsn)).reduce((sum, count) => sum + count, 0);
}
