import type { Socket } from "node:net";
import { reasonOf } from "./reason-of.ts";

/** Of the names that stand in a certificate there may be as many as the other side likes. */
const REASON_MOST = 300;

/** The certificate of a host is not accepted: nobody whom we trust signed it, it is of another name, or its time is over. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";

  constructor(host: string, cause: Error) {
    super(`the certificate of ${host} is not accepted: ${reasonOf(cause).slice(0, REASON_MOST)}`, { cause });
  }
}

/** Why a request failed over this socket: a `CertificateError` if it is for the certificate of the host. */
export function failureOver(socket: Socket | null, host: string, error: Error): Error {
  const isRefused = socket !== null && "authorizationError" in socket && socket.authorizationError !== null;
  return isRefused ? new CertificateError(host, error) : error;
}
