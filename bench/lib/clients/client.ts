import type { DaemonProcess } from "@cachetorrent/testbed";
import type { Stage } from "../bench.ts";

export interface ClientOrder {
  /** What messages and logs call the process. */
  readonly name: string;
  readonly role: "seed" | "leecher";
  /** An address of 127.0.0.0/8, of its own. */
  readonly address: string;
  readonly port: number;
  /** Where the content is, or will be. */
  readonly dir: string;
  readonly torrentFile: string;
  /** The URL of a web seed that stands in the torrent, too: at a local address ours asks only one that it is told of. */
  readonly webSeed?: string;
}

export interface RunningClient {
  readonly daemon: DaemonProcess;
  /** Settles when the client itself says that it has the torrent whole, on disk. */
  complete(timeoutMs: number): Promise<void>;
}

/** A client that is measured, driven by nothing but its command line and settings; each has its own defaults. */
export interface Client {
  readonly name: string;
  /** Rejects with how to install it, where it is not. */
  version(): Promise<string>;
  start(stage: Stage, order: ClientOrder): Promise<RunningClient>;
}
