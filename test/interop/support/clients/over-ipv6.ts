import { aria2, aria2With } from "./aria2.ts";
import { libtorrent, startLibtorrent } from "./libtorrent.ts";
import type { StockClient } from "./stock-client.ts";

/** Those that a host without an IPv4 address can run. */
export const OVER_IPV6: readonly StockClient[] = [
  {
    ...aria2,
    start: (host, ...rest) =>
      aria2With([`--interface=${host.ipv6}`, "--disable-ipv6=false"]).start(host, ...rest),
  },
  {
    ...libtorrent,
    start: (host, role, dir, torrents) =>
      startLibtorrent(host, role, dir, torrents, { listen_interfaces: `[${host.ipv6}]:6881` }),
  },
];
