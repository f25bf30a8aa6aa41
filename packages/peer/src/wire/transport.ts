import type { Duplex } from "node:stream";

/** What a connection's bytes travel over: a socket, or one that encrypts them. */
export type Transport = Duplex & { setNoDelay(noDelay: boolean): unknown };
