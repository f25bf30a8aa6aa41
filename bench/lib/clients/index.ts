import { aria2 } from "./aria2.ts";
import type { Client } from "./client.ts";
import { libtorrent } from "./libtorrent.ts";
import { ours } from "./ours.ts";

export const CLIENT_NAMES = ["cachetorrent", "aria2", "libtorrent"] as const;
export type ClientName = (typeof CLIENT_NAMES)[number];

export const CLIENTS: Readonly<Record<ClientName, Client>> = { cachetorrent: ours, aria2, libtorrent };
