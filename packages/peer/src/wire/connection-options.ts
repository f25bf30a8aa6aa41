import type { Socket } from "node:net";
import type { Clock } from "@cachetorrent/clock";
import type { Asn, Endpoint, InfoHash, PeerId } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Trace } from "../accounts/trace.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionOwner } from "./connection-owner.ts";
import type { TorrentShape } from "./frame-guard.ts";

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly direction: "in" | "out";
  /** Where the other side's socket is; for an outgoing connection the endpoint it was dialled at. */
  readonly remote: Endpoint;
  readonly asn: Asn;
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly shape: TorrentShape;
  readonly owner: ConnectionOwner<Connection>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly trace: Trace;
  /** Our extended handshake (BEP 10), less `m`. */
  readonly extendedHandshake: { readonly [key: string]: unknown };
  /** It is opened for a follower, to download only. */
  readonly isIndirect?: boolean;
}
