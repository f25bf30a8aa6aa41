import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import type { Clock, Random } from "@cachetorrent/clock";
import {
  DEFAULT_CONTROL,
  isMagnet,
  openStateDirectory,
  type PeerConfig,
  type PeerDaemon,
  readTorrentFile,
  startPeer,
} from "@cachetorrent/peer";
import {
  CtError,
  type Endpoint,
  formatEndpoint,
  LIMITS,
  parseAddress,
  parseEndpoint,
  unwrap,
} from "@cachetorrent/protocol";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { AllowedFolders } from "./allowed-folders.ts";
import { buildControl } from "./app.ts";
import { DaemonLock } from "./daemon-lock.ts";
import { endpointPath } from "./endpoint-file.ts";
import { EventFeed } from "./event-feed.ts";
import { checkControlEndpoint } from "./guard.ts";
import type { GivenTorrent } from "./kept-torrent.ts";
import { writeSmallFile } from "./small-file.ts";
import { StateStore } from "./state-store.ts";
import { keptToken } from "./token.ts";
import { TorrentKeeper } from "./torrent-keeper.ts";
import { allViews, torrentView } from "./views.ts";

export interface DaemonParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where state goes unless the configuration names a folder. */
  readonly stateDir?: string | undefined;
  readonly version: string;
}

/** A peer that takes orders. */
export interface RunningDaemon {
  readonly peer: PeerDaemon;
  /** Where it takes orders. */
  readonly control: Endpoint;
  /** Absolute. */
  readonly stateDir: string;
  /** Limits, and their schedule, become what this configuration says; those that were set by order are forgotten. */
  setLimits(config: PeerConfig): Promise<void>;
  /** Takes no more orders, writes down what there is, leaves all swarms. Idempotent. */
  stop(): Promise<void>;
}

/** How long requests in progress have to finish when the daemon stops. */
const STOP_MS = 1000;

/**
 * Starts a daemon with the torrents that it had, and those that are given now. Rejects with a CtError, having started nothing: CT_ERR_USAGE for
 * options that do not go together, CT_ERR_STATE for a state folder that cannot be used or is in use, and what `startPeer` rejects with.
 */
export async function startDaemon(
  config: PeerConfig,
  given: readonly string[],
  parts: DaemonParts,
): Promise<RunningDaemon> {
  const where = config.control ?? DEFAULT_CONTROL;
  checkControlEndpoint(where);
  const wanted = config.state ?? parts.stateDir;
  if (wanted === undefined)
    throw new CtError("CT_ERR_USAGE", "--daemon remembers its torrents in a folder: name one by --state");
  const stateDir =
    (await openStateDirectory({ given: wanted, usual: undefined }, parts.log)) ?? resolve(wanted);
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) {
      await step().catch((err: unknown) =>
        parts.log.error({ err, event: "stopping" }, "could not be stopped"),
      );
    }
  };
  try {
    const lock = await DaemonLock.take(stateDir);
    undo.push(() => lock.release());
    const running = await start({ ...config, state: stateDir }, given, { ...parts, where, stateDir }, undo);
    let stopping: Promise<void> | undefined;
    return {
      ...running,
      stateDir,
      stop: () => {
        stopping ??= stop();
        return stopping;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  config: PeerConfig,
  given: readonly string[],
  parts: DaemonParts & { readonly where: string; readonly stateDir: string },
  undo: (() => Promise<unknown>)[],
): Promise<Omit<RunningDaemon, "stop" | "stateDir">> {
  const { clock, log, stateDir, version, where } = parts;
  const token = await keptToken(stateDir);
  const { store, saved } = await StateStore.open(stateDir);
  const sources = await Promise.all(
    given.map(async (text) => (isMagnet(text) ? { magnet: text } : { bytes: await readTorrentFile(text) })),
  );
  // Its operator's word is for the torrents that he names himself: any other's names would choose a path of a server inside.
  const peer = await startPeer({ ...config, "web-seed": [] }, [], { ...parts, holdsBack: true });
  let saveLast = async (): Promise<void> => undefined;
  undo.push(async () => {
    await peer.stop();
    // What went out until the last connection had ended.
    await saveLast();
  });
  const feed: EventFeed = new EventFeed({
    clock,
    connections: () => peer.status().connections,
    torrents: () => allViews(keeper, torrentView),
  });
  const keeper = new TorrentKeeper({
    peer,
    store,
    folders: new AllowedFolders([config.dir, ...config["allow-dir"]]),
    clock,
    log,
    changed: (event, about) => feed.tell(event, about),
  });
  peer.events.on("complete", (about) => feed.tell("complete", about));
  peer.events.on("shared", (about) => feed.tell("shared", about));
  peer.events.on("error", ({ error, infoHash }) =>
    feed.tell("failed", { infoHash, code: error.code, message: error.message }),
  );
  const restored = Promise.withResolvers<void>();
  const app = await buildControl({ peer, keeper, feed, token, version, log, ready: restored.promise });
  undo.push(() => closeApp(app, clock));
  const control = await listen(app, unwrap(parseEndpoint(where, { allowPortZero: true })));
  await keeper.restore(saved);
  saveLast = () => keeper.save();
  undo.push(saveLast);
  const saving = clock.every(LIMITS.control.sharedMs, () => void keeper.saveShared());
  undo.push(async () => saving.cancel());
  const webSeeds = config["web-seed"];
  const add = (source: GivenTorrent) =>
    keeper.add(source, webSeeds.length > 0 ? { webSeeds } : {}).catch((error: unknown) => {
      // A unit file names them at every start.
      if (!(error instanceof CtError && error.code === "CT_ERR_TORRENT_KNOWN")) throw error;
    });
  await Promise.all(sources.map(add));
  await writeSmallFile(endpointPath(stateDir), `${formatEndpoint(control)}\n`);
  undo.push(() => rm(endpointPath(stateDir), { force: true }));
  restored.resolve();
  peer.startAll();
  log.info({ event: "control", endpoint: formatEndpoint(control), stateDir }, "takes orders");
  return {
    peer,
    control,
    setLimits: async (changed) => {
      peer.setLimits(changed);
      await keeper.forgetLimits();
    },
  };
}

async function closeApp(app: FastifyInstance, clock: Clock): Promise<void> {
  // Who holds a request back doesn't hold us.
  const impatience = clock.after(STOP_MS, () => app.server.closeAllConnections());
  await app.close();
  impatience.cancel();
}

async function listen(app: FastifyInstance, { address, port }: Endpoint): Promise<Endpoint> {
  const where = formatEndpoint({ address, port });
  try {
    await app.listen({ host: address, port });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EADDRINUSE")
      throw new CtError("CT_ERR_PORT_TAKEN", `control: ${where} is taken`, { cause });
    if (code === "EACCES")
      throw new CtError("CT_ERR_PERMISSION", `control: not allowed to listen at ${where}`, { cause });
    throw cause;
  }
  const bound = app.server.address();
  if (bound === null || typeof bound === "string") throw new Error("the server listens at no IP address");
  return { address: parseAddress(bound.address) ?? address, port: bound.port };
}
