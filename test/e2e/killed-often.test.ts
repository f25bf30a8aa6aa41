import { type FSWatcher, watch } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Random, randomBelow, seededRandom, systemClock, systemRandom } from "@cachetorrent/clock";
import { loadMetainfo, type Metainfo } from "@cachetorrent/peer";
import { PieceSet } from "@cachetorrent/protocol";
import { type DaemonProcess, launch } from "@cachetorrent/testbed";
import { expect, it, onTestFinished } from "vitest";
import { expectEqualContent, useBench, verifiedBytes } from "./support/e2e.ts";
import { checkedPieces, spoilUnseen, validPieces } from "./support/pieces-on-disk.ts";
import { makeSeededSwarm, type SeededSwarm } from "./support/seeded-swarm.ts";
import { Witness } from "./support/witness.ts";

const KiB = 1024;
/** What is periodic comes every 10 s: a leecher of its own lives that long, while another one is killed all the time. */
const KILLS = { often: 47, inPeriodicSaves: 3 };
/** It takes less than a minute; where a daemon needs seconds to start, more. */
const CEILING_MS = 600_000;
const LEECHER = "127.2.0.1";
const bench = useBench("killed-often");

it("a leecher killed 50 times at random moments of its start, its check, its download and its saves has each time what it had told that it has", {
  timeout: CEILING_MS,
}, async () => {
  const seed = Number(process.env.KILL_SEED ?? randomBelow(systemRandom, 2 ** 32));
  console.log(`killed-often: KILL_SEED=${seed}`);
  await Promise.all([killedOften(seededRandom(seed)), killedInPeriodicSaves(seededRandom(seed + 1))]);
});

async function killedOften(random: Random): Promise<void> {
  const leecher = await Victim.make("often", 24 * 1024 * KiB + 777, "1MB/s");
  let startMs = 0;
  const moments: Record<string, (run: DaemonProcess) => Promise<void>> = {
    "its start": () => pass(random() * startMs),
    "its check": async (run) => {
      await run.waitFor("listening");
      await pass(random() * 100);
    },
    "its download": async (run) => {
      await run.waitForLine(CHECKED);
      await pass(random() * 1200);
    },
    "its save after the check": async (run) => {
      // Where nothing was written since the check before there is none.
      const none = run.waitForLine(CHECKED).then(() => pass(1000));
      await Promise.race([leecher.savesNext(), none]);
      await pass(random() * 10);
    },
  };
  for (let kill = 1; kill <= KILLS.often; kill++) {
    const [moment, comes] = Object.entries(moments)[kill % 4] as [string, (typeof moments)[string]];
    const begun = systemClock.now();
    const run = await leecher.start();
    if (kill === 1) {
      await run.waitFor("listening");
      startMs = systemClock.now() - begun;
    }
    await comes(run);
    await leecher.kill(`kill ${kill}, in ${moment}`);
    if (moment === "its download") expect(checkedPieces(run)).toBeDefined();
  }
  expect(leecher.told.size, "pieces that it has told of").toBeGreaterThan(10);
  await leecher.complete();
}

async function killedInPeriodicSaves(random: Random): Promise<void> {
  const firstBytes = 1024 * KiB;
  const leecher = await Victim.make("saving", 20 * 1024 * KiB, "400kB/s", firstBytes);
  for (let kill = 1; kill <= KILLS.inPeriodicSaves; kill++) {
    // The first file was complete, and saved as such, ten seconds before the first kill: whoever reads it again misses its first piece.
    const unspoil = kill === 2 ? await spoilUnseen(leecher.firstFile) : undefined;
    const run = await leecher.start("--sequential");
    await run.waitForLine(CHECKED);
    if (kill === 2) expect(checkedPieces(run), "pieces found without reading").toBe(leecher.held.size);
    await unspoil?.();
    // Then the save after the check is over, and something was written.
    const before = leecher.held.size * leecher.metainfo.pieceLength;
    await run.waitFor("progress", {
      accepts: (event) => verifiedBytes(event) > Math.max(before, firstBytes),
    });
    if (kill === 1) await leecher.saved();
    else {
      await leecher.savesNext();
      await pass(random() * 20);
    }
    await leecher.kill(`kill ${kill}, in a periodic save`);
  }
  await leecher.complete();
}

const CHECKED = /"event":"checked"/;

/** A leecher that is killed again and again, with a swarm of its own. */
class Victim {
  readonly metainfo: Metainfo;
  /** Pieces on its disk after the last kill. */
  held: PieceSet;
  readonly #name: string;
  readonly #swarm: SeededSwarm;
  readonly #witness: Witness;
  readonly #saves: FSWatcher;
  #runs = 0;
  #run: DaemonProcess | undefined;

  private constructor(name: string, swarm: SeededSwarm, metainfo: Metainfo, witness: Witness) {
    this.#name = name;
    this.#swarm = swarm;
    this.#witness = witness;
    this.metainfo = metainfo;
    this.held = new PieceSet(metainfo.pieceCount);
    this.#saves = watch(this.#stateDir);
    onTestFinished(() => this.#saves.close());
  }

  /** `rate`: so slow is its seed that it is not complete before the last kill. */
  static async make(name: string, bytes: number, rate: string, firstBytes?: number): Promise<Victim> {
    const dir = join(bench().dir, name);
    await mkdir(join(dir, "state"), { recursive: true, mode: 0o700 });
    const options = firstBytes === undefined ? {} : { firstBytes };
    const swarm = await makeSeededSwarm({ ...bench(), dir }, bytes, options);
    await swarm.startSeed(`slow seed of ${name}`, ["--limit-up", rate]);
    const metainfo = await loadMetainfo(swarm.torrent);
    const witness = await Witness.start("127.1.0.2", LEECHER, metainfo);
    onTestFinished(() => witness.stop());
    return new Victim(name, swarm, metainfo, witness);
  }

  /** Pieces that it has told others of. */
  get told(): PieceSet {
    return this.#witness.told;
  }

  get #dir(): string {
    return join(bench().dir, this.#name);
  }

  get #stateDir(): string {
    return join(this.#dir, "state");
  }

  get #downloads(): string {
    return join(this.#dir, "leecher");
  }

  get firstFile(): string {
    return join(this.#downloads, this.#swarm.content.name, "first.bin");
  }

  /** From the spawn on: it is not waited for. */
  async start(...args: string[]): Promise<DaemonProcess> {
    // The tracker still lists those that were killed.
    const usual = ["--listen", `${LEECHER}:0`, "--numwant", "200", "--json"];
    const where = ["--dir", this.#downloads, "--state", this.#stateDir];
    const name = `${this.#name} ${++this.#runs}`;
    this.#run = await launch(bench().launcher, name, [
      "peer",
      this.#swarm.torrent,
      ...where,
      ...usual,
      ...args,
    ]);
    return this.#run;
  }

  /** A save has begun. */
  savesNext(): Promise<void> {
    return this.#appears(".resume.tmp");
  }

  /** A save is done. */
  saved(): Promise<void> {
    return this.#appears(".resume");
  }

  /** Kills it, and holds what it leaves against what it has told. */
  async kill(when: string): Promise<void> {
    const run = this.#run as DaemonProcess;
    run.kill("SIGKILL");
    expect(await run.exited).toEqual({ code: null, signal: "SIGKILL" });
    const found = checkedPieces(run);
    if (found !== undefined) expect(found, `pieces found before ${when}`).toBe(this.held.size);
    const before = this.held;
    this.held = await validPieces(this.metainfo, this.#downloads);
    const lost = [...new Set([...before, ...this.#witness.told])].filter((piece) => !this.held.has(piece));
    expect(lost, `pieces lost by ${when}`).toEqual([]);
    expect(this.held.isFull, "complete before the last kill: there is nothing left to fetch").toBe(false);
  }

  async complete(): Promise<void> {
    await this.#swarm.startSeed(`fast seed of ${this.#name}`);
    const last = await this.start();
    await last.waitFor("complete");
    expect(checkedPieces(last)).toBe(this.held.size);
    await expectEqualContent(this.#swarm.content, this.#downloads);
  }

  #appears(end: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const ceiling = systemClock.after(60_000, () =>
        reject(new Error(`${this.#name}: no file ${end} appears`)),
      );
      const look = (_: string, file: string | null) => {
        if (!file?.endsWith(end)) return;
        this.#saves.off("change", look);
        ceiling.cancel();
        resolve();
      };
      this.#saves.on("change", look);
    });
  }
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(ms, resolve, { keepAlive: true }));
}
