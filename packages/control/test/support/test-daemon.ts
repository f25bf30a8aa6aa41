import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Clock, systemClock, systemRandom } from "@cachetorrent/clock";
import { createTorrentFile, type Metainfo, type PeerConfig, PeerConfigSchema } from "@cachetorrent/peer";
import { formatEndpoint } from "@cachetorrent/protocol";
import { pino } from "pino";
import { Value } from "typebox/value";
import { onTestFinished } from "vitest";
import { ControlClient } from "../../src/client.ts";
import { type RunningDaemon, startDaemon } from "../../src/daemon.ts";
import { tokenPath } from "../../src/token.ts";

export async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "cachetorrent-control-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A daemon in this process, on free ports, with its folders in `root`. */
export interface TestDaemon {
  readonly daemon: RunningDaemon;
  readonly client: ControlClient;
  readonly token: string;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly dir: string;
  readonly stateDir: string;
  /** As a program asks that has the token. */
  ask(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
}

export async function startTestDaemon(
  root: string,
  settings: Partial<PeerConfig> = {},
  given: readonly string[] = [],
  clock: Clock = systemClock,
): Promise<TestDaemon> {
  const dir = join(root, "data");
  const stateDir = join(root, "state");
  await mkdir(dir, { recursive: true });
  const config = Value.Parse(
    PeerConfigSchema,
    Value.Default(PeerConfigSchema, {
      dir,
      state: stateDir,
      daemon: true,
      listen: "127.0.0.1:0",
      control: "127.0.0.1:0",
      ...settings,
    }),
  );
  const log = pino({ level: "silent" });
  const daemon = await startDaemon(config, given, {
    clock,
    random: systemRandom,
    log,
    version: "0.0.0",
  });
  onTestFinished(() => daemon.stop());
  const endpoint = formatEndpoint(daemon.control);
  const token = (await readFile(tokenPath(stateDir), "utf8")).trim();
  const url = `http://${endpoint}`;
  return {
    daemon,
    client: new ControlClient(endpoint, token),
    token,
    url,
    dir,
    stateDir,
    ask: async (method, path, body) => {
      const answer = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
  };
}

export interface GivenTorrent {
  readonly metainfo: Metainfo;
  readonly bytes: Uint8Array;
  /** In base64, as JSON has it. */
  readonly text: string;
  /** The .torrent as a file. */
  readonly path: string;
}

const KIB = 1024;

/** A torrent of two files, 20 and 30 KiB, whose content is put into `dir`. */
export async function makeTorrent(dir: string, name = "release"): Promise<GivenTorrent> {
  for (const [path, length, letter] of [
    ["a.iso", 20 * KIB, "a"],
    ["docs/b.txt", 30 * KIB, "b"],
  ] as const) {
    const file = join(dir, name, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, Buffer.alloc(length, letter + name));
  }
  const { bytes, metainfo } = await createTorrentFile({
    path: join(dir, name),
    trackers: [],
    pieceLength: 16 * KIB,
  });
  const path = join(await temporaryFolder(), `${name}.torrent`);
  await writeFile(path, bytes);
  return { bytes, metainfo, text: Buffer.from(bytes).toString("base64"), path };
}

/** A link by which a daemon finds another one without any tracker. */
export function magnetTo({ metainfo }: GivenTorrent, { daemon }: TestDaemon): string {
  return `magnet:?xt=urn:btih:${metainfo.infoHash}&x.pe=${formatEndpoint(daemon.peer.endpoint)}`;
}

/** No test decides by time: this only ends one that would wait for ever. */
const CEILING_MS = 15_000;

export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const started = performance.now();
  while (!(await isSo())) {
    if (performance.now() - started > CEILING_MS) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
