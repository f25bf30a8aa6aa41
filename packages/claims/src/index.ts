/**
 * Who may fetch which piece from outside an AS, so that each enters it once. Pure: events and the time (ms) in, messages and
 * callbacks out; no timers, sockets or logs. Whoever owns a book or a client calls its `sweep` a few times a second.
 *
 * Each member has a `ClaimClient`, one for all its external connections. It is told who unchokes us, what bytes come and which
 * pieces we hold, and asks the head of the AS for claims through a `HeadPort`; `requestable` says what may be requested of whom.
 *
 * The head has a `ClaimBook`. It is told who is a member and what each holds, and is handed the members' messages; it answers
 * through `tell`. A standby, or any member, keeps a book of the same kind that follows along, and grants nothing until `takeOver`.
 * It is an economy and no safety: where two believe to be head, a piece may come in twice, and nothing worse happens.
 *
 * The head claims from itself, like everybody else, through a `LocalHeadPort`:
 *
 *     const port = new LocalHeadPort(
 *       (body) => book.received(ourselves, body, term, clock.now()),
 *       (body) => client.received(body, clock.now()),
 *     );
 *     // the book's tell(): member === ourselves ? port.tell(body) : connection.send(body)
 *     // the client's port(): we are head ? port : the connection with the head
 *     // after each call of the book or the client: port.flush()
 *
 * What the messages mean is in the documentation of the protocol.
 */
export { ClaimBook } from "./claim-book.ts";
export type { ClaimAccounts, ClaimBookOptions } from "./claim-book-options.ts";
export { ClaimClient } from "./claim-client.ts";
export type { ClaimClientOptions } from "./claim-client-options.ts";
export type { HeadFault } from "./head-fault.ts";
export { type HeadPort, LocalHeadPort } from "./head-port.ts";
export type { PieceState } from "./piece-state.ts";
