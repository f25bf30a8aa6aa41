/** The part of bittorrent-dht 11 that we use; the package ships no types of its own. */
declare module "bittorrent-dht" {
  import type { EventEmitter } from "node:events";

  interface DhtEvents {
    /** Somebody has the torrent. */
    peer: [peer: { readonly host: string; readonly port: number }, infoHash: Uint8Array];
    /** It knows one more node. */
    node: [node: { readonly id: Buffer }];
    listening: [];
    warning: [error: Error];
    error: [error: Error];
  }

  export default class DHT extends EventEmitter<DhtEvents> {
    constructor(options: {
      /** Nodes that it begins with: none. */
      readonly bootstrap: false;
      /** In place of a UDP socket. */
      readonly socket: EventEmitter;
      readonly maxTables: number;
      readonly maxValues: number;
      readonly maxPeers: number;
      /** Of what is kept for others, ms. */
      readonly maxAge: number;
    });
    listen(port: number, address: string): void;
    /** Looks for peers, each a `peer` event. */
    lookup(infoHash: string, done: (error?: Error | null) => void): void;
    /** Says that we are one to the nodes of a lookup within the last five minutes; without one it looks first. */
    announce(infoHash: string, port: number, done: (error?: Error | null) => void): void;
    /** Once it has answered. */
    addNode(node: { readonly host: string; readonly port: number }): void;
    removeNode(id: Buffer): void;
    readonly nodeId: Buffer;
    /** Those that it knows. */
    readonly nodes: {
      count(): number;
      closest(
        id: Uint8Array,
        most: number,
      ): { readonly id: Uint8Array; readonly host: string; readonly port: number }[];
    };
    destroy(done?: () => void): void;
  }
}
