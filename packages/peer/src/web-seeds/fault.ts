import { LocalAddressError } from "../outbound/address-guard.ts";
import { CertificateError } from "../outbound/certificate-error.ts";
import { reasonOf } from "../outbound/reason-of.ts";
import { RedirectError } from "../outbound/redirects.ts";

/**
 * What a web seed did wrong: the message stands behind its name.
 *
 * - `wrong`: it can never be of use as it is; it is asked no more.
 * - `refused`: it has not what we ask for, or not the certificate; it may have it later.
 * - `failing`: it cannot serve now, or broke off.
 */
export class WebSeedFault extends Error {
  override readonly name = "WebSeedFault";
  readonly kind: "wrong" | "refused" | "failing";
  /** It asked to be left alone for so long (`Retry-After`). */
  readonly retryAfterMs: number | undefined;

  constructor(kind: WebSeedFault["kind"], message: string, retryAfterMs?: number) {
    super(message);
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Of whatever was thrown while a web seed was asked. */
export function faultOf(error: unknown): WebSeedFault {
  if (error instanceof WebSeedFault) return error;
  if (error instanceof LocalAddressError) {
    const why = "where only a web seed that is named by --web-seed is asked";
    return new WebSeedFault("wrong", `is at the local address ${error.address}, ${why}`);
  }
  if (error instanceof RedirectError) return new WebSeedFault("wrong", error.message);
  // It may have another one some day.
  const kind = error instanceof CertificateError ? "refused" : "failing";
  return new WebSeedFault(kind, `cannot be asked: ${reasonOf(error)}`);
}
