import type { Clock } from "@cachetorrent/clock";
import type { Asn, Endpoint, InfoHash, PeerId } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Trace } from "../accounts/trace.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionOwner } from "./connection-owner.ts";
import type { TorrentShape } from "./frame-guard.ts";
import type { Transport } from "./transport.ts";

export interface ConnectionOptions {
  readonly socket: Transport;
  readonly direction: "in" | "out";
  /** Where the other side's socket is; for an outgoing connection the endpoint it was dialled at. */
  readonly remote: Endpoint;
  readonly asn: Asn;
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly shape: TorrentShape;
  /** The info dictionary, for peers that have none yet (BEP 9). */
  readonly info?: Uint8Array;
  /** Are peers exchanged (BEP 11)? Not about private torrents (BEP 27). */
  readonly exchangesPeers?: boolean;
  /** The DHT, where it may be spoken of: our node's port, and who hears of the other side's (BEP 5). */
  readonly dht?: { readonly port: number; hearOfNode(node: Endpoint): void };
  readonly owner: ConnectionOwner<Connection>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly trace: Trace;
  /** Our extended handshake (BEP 10), less `m`. */
  readonly extendedHandshake: { readonly [key: string]: unknown };
  /** It is opened for a follower, to download only. */
  readonly isIndirect?: boolean;
  /** Its other side is no peer, but stands for an HTTP server (BEP 19). */
  readonly isWebSeed?: boolean;
}
