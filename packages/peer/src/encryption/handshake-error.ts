/** Why a connection is refused of which nothing is known yet. Whatever else is thrown there is a fault of ours. */
export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
}

/** It failed where other keys might not have: the other side is worth another connection. */
export class UnluckyKeysError extends HandshakeError {}
