import type { Asn, Endpoint } from "@cachetorrent/protocol";
import type { Trace, TraceFields } from "../accounts/trace.ts";
import { OUR_CT_CACHE_ID } from "./ct-channel.ts";
import { describeMessage } from "./describe-message.ts";

/** The lines of one connection in the trace. */
export class ConnectionTrace {
  readonly #trace: Trace;
  readonly #remote: Endpoint;
  readonly #asn: Asn;
  readonly #theirCtCacheId: () => number | undefined;

  /** `theirCtCacheId`: under which the other side receives `ct_cache`. */
  constructor(
    { asn, remote, trace }: { asn: Asn; remote: Endpoint; trace: Trace },
    theirCtCacheId: () => number | undefined,
  ) {
    this.#theirCtCacheId = theirCtCacheId;
    this.#trace = trace;
    this.#remote = remote;
    this.#asn = asn;
  }

  get isEnabled(): boolean {
    return this.#trace.enabled;
  }

  /** `length` is the whole message's where `message` is its head only. */
  message(dir: "in" | "out", message: Uint8Array, length?: number): void {
    if (!this.isEnabled) return;
    const ctCacheId = dir === "in" ? OUR_CT_CACHE_ID : this.#theirCtCacheId();
    const { m, fields } = describeMessage(message, { length, ctCacheId });
    this.event(dir, m, fields);
  }

  /** What is no message of its own kind: the handshake, and why we close. */
  event(dir: "in" | "out", m: string, fields: TraceFields): void {
    if (this.isEnabled) this.#trace.event(dir, this.#remote, this.#asn, m, fields);
  }
}
