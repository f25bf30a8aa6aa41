import { LIMITS } from "@cachetorrent/protocol";

/** How clients call each other's versions (BEP 10). */
export const CLIENT = "CacheTorrent 0.1";

export interface OurSide {
  readonly role: string;
  /** Bytes. */
  readonly longestRequest: number;
  /** Had we the whole content when we joined? */
  readonly isInitialSeed: boolean;
  readonly term: number;
  /** Of the metadata, where it is given away (BEP 9). */
  readonly metadataBytes: number | undefined;
  /** Where we listen. */
  readonly port: number;
  /** Have we all that we want, which is not all (BEP 21)? */
  readonly isPartialSeed: boolean;
}

/** Our extended handshake (BEP 10), less `m`. */
export function ourHandshake(ours: OurSide): { readonly [key: string]: unknown } {
  const { isInitialSeed, isPartialSeed, longestRequest, metadataBytes, port, role, term } = ours;
  return {
    ct: { request: longestRequest, role, ...(isInitialSeed ? { seed: 1 } : {}), term, v: 1 },
    ...(metadataBytes === undefined ? {} : { metadata_size: metadataBytes }),
    p: port,
    ...(isPartialSeed ? { upload_only: 1 } : {}),
    reqq: LIMITS.peer.requestsQueuedPerConnection,
    v: CLIENT,
  };
}
