/** The part of bittorrent-dht 11 that we use; the package ships no types of its own. */
declare module "bittorrent-dht" {
  import type { EventEmitter } from "node:events";

  interface DhtEvents {
    /** Somebody has the torrent. */
    peer: [peer: { readonly host: string; readonly port: number }, infoHash: Uint8Array];
    listening: [];
    warning: [error: Error];
    error: [error: Error];
  }

  export default class DHT extends EventEmitter<DhtEvents> {
    constructor(options: {
      /** `HOST:PORT`; false for none. */
      readonly bootstrap: readonly string[] | false;
      /** In place of a UDP socket. */
      readonly socket: EventEmitter;
      readonly maxTables: number;
      readonly maxValues: number;
      readonly maxPeers: number;
      /** Of what is kept for others, ms. */
      readonly maxAge: number;
    });
    listen(port: number, address: string): void;
    /** Looks for peers, each a `peer` event, and says that we are one. */
    announce(infoHash: string, port: number, done: (error?: Error | null) => void): void;
    addNode(node: { readonly host: string; readonly port: number }): void;
    /** How many nodes it knows. */
    readonly nodes: { count(): number };
    destroy(done?: () => void): void;
  }
}
