import { fileURLToPath } from "node:url";
import type { StockClient } from "./stock-client.ts";

const PYTHON = "/usr/bin/python3";
const SCRIPT = fileURLToPath(new URL("libtorrent_client.py", import.meta.url));
const PORT = 6881;

/** libtorrent (rasterbar), by a small script: it prints its alerts as one JSON object a line. */
export const libtorrent: StockClient = {
  name: "libtorrent",
  commands: [PYTHON],
  writesEmptyFiles: true,
  start(host, role, dir, torrents) {
    return startLibtorrent(host, role, dir, torrents);
  },
};

type Start = StockClient["start"];

export function startLibtorrent(
  ...[host, role, dir, torrents, settings = {}]: [
    ...Parameters<Start>,
    settings?: Readonly<Record<string, number>>,
  ]
): ReturnType<Start> & { dialled(howMany: number): Promise<string[]> } {
  const order = {
    listen: `${host.ipv4}:${PORT}`,
    role,
    dir,
    torrents: torrents.map((torrent) => torrent.file),
    settings,
  };
  const client = host.spawn(PYTHON, ["-u", SCRIPT, JSON.stringify(order)]);
  return {
    async complete(torrent) {
      await client.until(`completing ${torrent.name}`, (line) => {
        const said = parse(line);
        return (said?.event === "complete" && said.infoHash === torrent.infoHash) || undefined;
      });
    },
    /** The first so many different addresses that it tried to connect to. */
    async dialled(howMany) {
      const found = new Set<string>();
      await client.until(`dialling ${howMany} peers`, (line) => {
        const said = parse(line);
        if (said?.event === "dialled" && said.address) found.add(said.address);
        return found.size >= howMany || undefined;
      });
      return [...found];
    },
    stop: () => client.stop(),
  };
}

function parse(line: string): { event?: string; infoHash?: string; address?: string } | undefined {
  return line.startsWith("{") ? JSON.parse(line) : undefined;
}
