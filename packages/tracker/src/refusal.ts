import { CtError } from "@cachetorrent/protocol";

/** Why the tracker refuses a request that it understands, and what it tells the client. None of them shows a token. */
const MESSAGES = {
  "token-missing": "this tracker wants a token in its URL: /TOKEN/announce",
  "token-not-used": "this tracker takes no token: use /announce",
  "token-unknown": "unknown token",
  "info-hash-not-allowed": "this torrent is not tracked here",
  "address-full": "your address has too many peers here",
  "tracker-full": "this tracker has too many peers",
  "full-scrape": "full scrape is not allowed",
  "peer-unknown": "unknown peer",
  "polls-full": "poll by announcing",
} as const;

/** As logs and metrics name it. */
export type RefusalReason = keyof typeof MESSAGES;

export class Refusal extends CtError {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super("CT_ERR_REFUSED", MESSAGES[reason]);
    this.reason = reason;
  }
}

export function refuse(reason: RefusalReason): { readonly ok: false; readonly error: Refusal } {
  return { ok: false, error: new Refusal(reason) };
}
