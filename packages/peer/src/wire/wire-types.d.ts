/** The part of bittorrent-protocol 5.0.9 that the engine uses; the package ships no types of its own. */
declare module "bittorrent-protocol" {
  interface WireEvents {
    handshake: [
      infoHash: string,
      peerId: string,
      extensions: { dht: boolean; fast: boolean; extended: boolean },
    ];
    choke: [];
    unchoke: [];
    interested: [];
    uninterested: [];
    have: [piece: number];
    bitfield: [bitfield: { readonly buffer: Uint8Array }];
    "have-all": [];
    "have-none": [];
    request: [piece: number, begin: number, length: number, respond: Respond];
    piece: [piece: number, begin: number, block: Uint8Array];
    cancel: [piece: number, begin: number, length: number];
    reject: [piece: number, begin: number, length: number];
    extended: [name: string | number, body: unknown];
    "keep-alive": [];
    port: [port: number];
    data: [bytes: Uint8Array];
    error: [error: Error];
    close: [];
    finish: [];
  }

  /** Answers one request: with its bytes, or with an error, which is a reject under the fast extension. */
  type Respond = (error: Error | null, block?: Uint8Array) => void;

  /** A duplex stream of the BitTorrent wire protocol: socket bytes are written to it, and `data` goes to the socket. */
  export default class Wire {
    constructor(type?: string);
    readonly peerId: string | null;
    readonly amChoking: boolean;
    readonly amInterested: boolean;
    readonly peerChoking: boolean;
    readonly peerInterested: boolean;
    readonly hasFast: boolean;
    readonly destroyed: boolean;
    /** What the other side's handshake announced; empty before. */
    readonly peerExtensions: { readonly extended?: boolean };
    /** Requests that wait for an answer. Equal ones are mistaken for each other. */
    readonly peerRequests: unknown[];
    readonly peerExtendedHandshake: { [key: string]: unknown };
    /** By extension name the id that the other side chose; 0 switches it off (BEP 10). */
    readonly peerExtendedMapping: { readonly [name: string]: number };
    extendedHandshake: { [key: string]: unknown };
    on<E extends keyof WireEvents>(event: E, listener: (...args: WireEvents[E]) => void): this;
    write(bytes: Uint8Array): boolean;
    /** Reads bytes, called by the stream; `done` is called before it returns. */
    _write(bytes: Uint8Array, done: (error: null) => void): void;
    /** Called when a block has come, whole. */
    _onPiece(piece: number, begin: number, block: Uint8Array): void;
    /** Called with what every event is told by. */
    _debug(...args: readonly unknown[]): void;
    /** Whatever is sent goes through here, into the stream. */
    _push(bytes: Uint8Array): void;
    /** The stream has ended. */
    readonly _finished: boolean;
    /** Takes bytes that were sent, and gives bytes/s. */
    uploadSpeed: (bytes?: number) => number;
    /** The same of what was received. */
    downloadSpeed: (bytes?: number) => number;
    destroy(): void;
    handshake(infoHash: string, peerId: string, extensions: { fast: boolean; dht?: boolean }): void;
    choke(): void;
    unchoke(): void;
    interested(): void;
    uninterested(): void;
    have(piece: number): void;
    haveAll(): void;
    haveNone(): void;
    bitfield(bits: Uint8Array): void;
    request(piece: number, begin: number, length: number, done: (error: Error | null) => void): void;
    piece(piece: number, begin: number, block: Uint8Array): void;
    reject(piece: number, begin: number, length: number): void;
    cancel(piece: number, begin: number, length: number): void;
    keepAlive(): void;
    port(port: number): void;
    /** Announces an extension. Its `name` must stand on the prototype; ids are given in the order of the calls, from 1. */
    use(extension: new (wire: Wire) => object): void;
    /** Throws when the other side did not announce the name. */
    extended(name: string, body: Uint8Array): void;
  }
}
