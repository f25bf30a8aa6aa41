import { LIMITS } from "@cachetorrent/protocol";

/** Beyond the round trip: what a neighbour takes to get to a request, and we to send the next. */
const SERVICE_SECONDS = 0.05;
/** Pieces requested at first of a neighbour whose rate is not known yet. */
const AT_FIRST = 2;

export interface Pace {
  /** Bytes/s from this neighbour. */
  readonly rate: number;
  readonly pieceLength: number;
  readonly neighbourRttMs: number;
  readonly headRttMs: number;
  /** Is it one of the few neighbours that we ask for more than one piece at first? */
  readonly isStarting: boolean;
}

/** D: pieces requested at once, so that the neighbour is never idle. One at a time is 3 to 10 times slower at 10 to 50 ms. */
export function requestedAhead({ rate, pieceLength, neighbourRttMs, isStarting }: Pace): number {
  const ahead = 1 + Math.ceil((rate * (neighbourRttMs / 1000 + SERVICE_SECONDS)) / pieceLength);
  return bounded(isStarting ? Math.max(AT_FIRST, ahead) : ahead);
}

/** G: pieces granted beyond those, so that there is one when the next request can be sent. */
export function grantedAhead({ rate, pieceLength, headRttMs }: Pace): number {
  return bounded(Math.ceil((rate * (headRttMs / 1000)) / pieceLength));
}

function bounded(pieces: number): number {
  return Math.min(LIMITS.claims.aheadMost, Math.max(1, pieces || 0));
}
