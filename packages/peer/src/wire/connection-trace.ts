import type { Asn, Endpoint } from "@cachetorrent/protocol";
import type { Trace, TraceFields } from "../accounts/trace.ts";
import { describeMessage } from "./describe-message.ts";

/** The lines of one connection in the trace. */
export class ConnectionTrace {
  readonly #trace: Trace;
  readonly #remote: Endpoint;
  readonly #asn: Asn;

  constructor({ asn, remote, trace }: { asn: Asn; remote: Endpoint; trace: Trace }) {
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
    const { m, fields } = describeMessage(message, length);
    this.event(dir, m, fields);
  }

  /** What is no message of its own kind: the handshake, and why we close. */
  event(dir: "in" | "out", m: string, fields: TraceFields): void {
    if (this.isEnabled) this.#trace.event(dir, this.#remote, this.#asn, m, fields);
  }
}
