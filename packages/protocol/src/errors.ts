/**
 * Every error that reaches a user has a stable code, explained in docs/errors.md. The message names the
 * file, option or peer at fault; it is safe to show to whoever asked, secrets are never in it.
 */
export class CtError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "CtError";
    this.code = code;
  }
}

/** All codes, as docs/errors.md explains them. */
export const ERROR_CODES = [
  // values and wire formats
  "CT_ERR_BENCODE",
  "CT_ERR_ANNOUNCE",
  "CT_ERR_ANSWER",
  "CT_ERR_QUANTITY",
  "CT_ERR_ADDRESS",
  "CT_ERR_EXTENSION",
  // torrents and files
  "CT_ERR_TORRENT",
  "CT_ERR_TORRENT_V2_ONLY",
  "CT_ERR_MAGNET",
  "CT_ERR_TORRENT_KNOWN",
  "CT_ERR_NO_TORRENT",
  "CT_ERR_UNSAFE_PATH",
  "CT_ERR_FILE_IN_THE_WAY",
  "CT_ERR_STORAGE",
  "CT_ERR_NO_SPACE",
  "CT_ERR_PERMISSION",
  // daemons
  "CT_ERR_CONFIG",
  "CT_ERR_USAGE",
  "CT_ERR_PORT_TAKEN",
  "CT_ERR_AS_TABLE",
  "CT_ERR_STATE",
  "CT_ERR_CONTROL",
  "CT_ERR_REFUSED",
  "CT_ERR_TRACKER",
  "CT_ERR_TRACKER_FAILURE",
  // testbed runs: a daemon failed or did not do in time what was waited for
  "CT_ERR_TESTBED",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** What decoders return: bytes in, a value or a typed error out, never an exception. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: CtError };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function fail(code: ErrorCode, message: string): { readonly ok: false; readonly error: CtError } {
  return { ok: false, error: new CtError(code, message) };
}

/** The value, or the error thrown: for callers to whom a wrong input is exceptional. */
export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw result.error;
  return result.value;
}
