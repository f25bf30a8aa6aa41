import { fileURLToPath } from "node:url";
import { CEILING_MS } from "./cachetorrent.ts";
import type { Host } from "./lab.ts";
import type { MadeTorrent } from "./torrents.ts";

const PYTHON = "/usr/bin/python3";
const SCRIPT = fileURLToPath(new URL("udp_watch.py", import.meta.url));

type Means = "DHT" | "local discovery";

/** Of which torrents a host tells by UDP, in whatever message, as seen on its links. */
export interface UdpWatch {
  /** Resolves when it has told of the torrent. */
  tells(torrent: MadeTorrent, by: Means): Promise<void>;
  /** By what it has told of the torrent so far. */
  told(torrent: MadeTorrent): Means[];
}

export async function watchUdp(host: Host, torrents: readonly MadeTorrent[]): Promise<UdpWatch> {
  const watch = await host.run(PYTHON, ["-u", SCRIPT, ...torrents.map(({ infoHash }) => infoHash)]);
  await watch.waitFor("watching");
  return {
    async tells({ infoHash }, by) {
      await watch.waitFor("told", {
        accepts: (event) => event.infoHash === infoHash && event.by === by,
        timeoutMs: CEILING_MS,
      });
    },
    told: ({ infoHash }) =>
      watch.events
        .filter(({ event, ...fields }) => event === "told" && fields.infoHash === infoHash)
        .map(({ by }) => by as Means),
  };
}
