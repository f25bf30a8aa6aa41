import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DaemonStatus, TorrentView } from "@cachetorrent/control";
import type { InfoHash } from "@cachetorrent/protocol";
import {
  type Content,
  createTorrent,
  type DaemonProcess,
  launch,
  type PeerProcess,
  runCommand,
  startPeerProcess,
  startTrackerProcess,
} from "@cachetorrent/testbed";
import { AS1, AS2, type Bench, makeContent } from "./e2e.ts";

/** A tracker of two ASes, a seed in the first, and what is needed for a daemon in the second that is given orders. */
export class OrderedDaemon {
  readonly content: Content;
  /** Its file. */
  readonly torrent: string;
  readonly infoHash: InfoHash;
  readonly stateDir: string;
  readonly dataDir: string;
  readonly #bench: Bench;
  #runs = 0;

  private constructor(bench: Bench, content: Content, torrent: string, infoHash: InfoHash) {
    this.content = content;
    this.torrent = torrent;
    this.infoHash = infoHash;
    this.stateDir = join(bench.dir, "state");
    this.dataDir = join(bench.dir, "data");
    this.#bench = bench;
  }

  static async prepare(bench: Bench, bytes: number): Promise<{ orders: OrderedDaemon; seed: PeerProcess }> {
    const content = await makeContent(bench, { bytes });
    const tracker = await startTrackerProcess(bench.launcher, { ases: [AS1, AS2] });
    const torrent = join(bench.dir, "content.torrent");
    const infoHash = await createTorrent(content, tracker.announceUrl, torrent);
    const orders = new OrderedDaemon(bench, content, torrent, infoHash);
    return { orders, seed: await orders.startPeer("seed", "127.1.0.1:0", content.parent) };
  }

  async start(args: readonly string[] = []): Promise<DaemonProcess> {
    await mkdir(this.dataDir, { recursive: true });
    const daemon = await launch(this.#bench.launcher, `daemon ${++this.#runs}`, [
      "peer",
      "--daemon",
      ...["--dir", this.dataDir, "--state", this.stateDir],
      ...["--listen", "127.2.0.1:0", "--control", "127.0.0.1:0", "--json"],
      ...args,
    ]);
    await daemon.waitFor("listening");
    return daemon;
  }

  /** Another peer of the swarm. */
  startPeer(name: string, listen: string, dataOf: string): Promise<PeerProcess> {
    const { dir, launcher } = this.#bench;
    const ledgerFile = join(dir, `${name}.json`);
    return startPeerProcess(launcher, {
      name,
      torrentFiles: [this.torrent],
      dir: dataOf,
      listen,
      ledgerFile,
    });
  }

  /** What a command prints that gives orders to the daemon. */
  async order(...args: readonly string[]): Promise<string> {
    const words = [...args, "--state", this.stateDir];
    const command = await runCommand(this.#bench.launcher, `command ${++this.#runs}`, words);
    return command.lines.map(({ text }) => text).join("\n");
  }

  /** What the control interface answers. */
  async ask(path: string): Promise<string> {
    const [endpoint, token] = await Promise.all(
      ["control.endpoint", "control.token"].map(async (name) =>
        (await readFile(join(this.stateDir, name), "utf8")).trim(),
      ),
    );
    const answer = await fetch(`http://${endpoint}${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}`);
    return answer.text();
  }

  async torrents(): Promise<readonly TorrentView[]> {
    return (JSON.parse(await this.order("status", "--json")) as DaemonStatus).torrents;
  }

  /** Its only torrent. */
  async only(): Promise<TorrentView> {
    const [torrent] = await this.torrents();
    if (!torrent) throw new Error("the daemon has no torrent");
    return torrent;
  }
}
