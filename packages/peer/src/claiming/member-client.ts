import { ClaimClient, type HeadFault, type HeadPort } from "@cachetorrent/claims";
import type { Connection } from "../wire/connection.ts";
import type { ClaimDeskParts } from "./claim-desk-parts.ts";
import { FIRST_RTT_MS, type HeadTrip } from "./head-trip.ts";
import type { OutOfReach } from "./out-of-reach.ts";
import type { Outside } from "./outside.ts";

export interface MemberClientParts extends ClaimDeskParts {
  readonly outside: Outside;
  readonly outOfReach: OutOfReach;
  readonly trip: HeadTrip;
  /** To whoever keeps the book. */
  port(): HeadPort | undefined;
  /** How many copies of the content may come into our AS. */
  relief(): number;
  headStalled(fault: HeadFault): void;
}

/** A client of the package claims whose neighbours are our connections, and whose pieces those that we download. */
export function memberClient(parts: MemberClientParts): ClaimClient<Connection> {
  const { changed, clock, downloads, have, outside, settled } = parts;
  const client: ClaimClient<Connection> = new ClaimClient<Connection>({
    pieceCount: have.pieceCount,
    pieceLength: parts.pieceLength,
    up: parts.up,
    port: () => parts.port(),
    candidates: (connection, most, isOpen) =>
      serves(connection) && !downloads.isPaused ? outside.candidates(connection, most, isOpen) : [],
    has: (connection, piece) => serves(connection) && connection.theirs.has(piece),
    rate: (connection, now) => connection.downRate.rate(now),
    headRttMs: () => parts.trip.rttMs,
    neighbourRttMs: () => FIRST_RTT_MS,
    endpointOf: (connection) => connection.endpoint ?? connection.remote,
    hasBytesOf: (piece) => downloads.hasBytesOf(piece),
    missingCount: () => settled.pieceCount - settled.size,
    internalHas: (piece) => downloads.availability(piece) > 0,
    granted: (connection, pieces) => {
      // It may have been deselected while the head was asked.
      for (const piece of pieces) if (settled.has(piece)) client.renounced(piece);
      changed(connection);
      downloads.refill(connection);
    },
    lost: (connection, piece) => {
      downloads.withdrawPiece(connection, piece);
      changed(connection);
    },
    takenChanged: () => changed(),
    headStalled: (fault) => parts.headStalled(fault),
    connectTo: (endpoints, piece) => parts.outOfReach.connect(endpoints, piece, clock.now()),
    mayRelieve: (connection) => parts.relief() > 1 && mayRelieve(connection),
  });
  for (const piece of have) client.held(piece, clock.now());
  return client;
}

/** One that is closing serves nothing more, and one that is silent nothing now. */
function serves(connection: Connection): boolean {
  return connection.isOpen && !connection.isSilent;
}

/** From complete peers that were not so from the start: what an initial seed gives is the scarcest. */
function mayRelieve(connection: Connection): boolean {
  return connection.theirs.isFull && connection.speaksCtCache && !connection.says.isInitialSeed;
}
