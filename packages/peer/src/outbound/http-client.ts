import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import type { Agent as HttpsAgent } from "node:https";
import type { Clock } from "@cachetorrent/clock";
import { type Address, isIPv6 } from "@cachetorrent/protocol";
import { AddressGuard } from "./address-guard.ts";
import { failureOver } from "./certificate-error.ts";

const CONNECT_MS = 5_000;
/** A connection that idled for longer is not used again: the other side may be closing it just then. */
const KEPT_MS = 4_000;

export interface HttpGet {
  readonly url: URL;
  /** With the query. */
  readonly path: string;
  /** May it lead to a loopback, private or link-local address? */
  readonly mayBeLocal: boolean;
  readonly signal: AbortSignal;
  /** Asks for no more than these bytes, "bytes=FROM-TO" (RFC 9110, section 14.2). */
  readonly range?: string | undefined;
}

export interface HttpResponse {
  /** Its body is to be read, or it to be destroyed. */
  readonly response: IncomingMessage;
  /** It was sent by a loopback, private or link-local address. */
  readonly isLocal: boolean;
}

/**
 * HTTP and HTTPS from a local address, over connections that are kept. On node's own client: undici does the same, and to
 * load it takes 30 MB.
 */
export class HttpClient {
  readonly #clock: Clock;
  readonly #from: Pick<RequestOptions, "localAddress" | "family">;
  readonly #guard: AddressGuard;
  readonly #agents = new Map<string, HttpAgent | HttpsAgent>();
  #secure: Promise<typeof import("node:https")> | undefined;

  /** Without a local address the machine chooses. */
  constructor(clock: Clock, localAddress: Address | undefined, guard = new AddressGuard()) {
    this.#clock = clock;
    this.#guard = guard;
    // A name such as `localhost` may stand for addresses of both families; only one of them can be bound.
    this.#from = localAddress ? { localAddress, family: isIPv6(localAddress) ? 6 : 4 } : {};
  }

  /**
   * Resolves with the head of the response. Rejects with a `LocalAddressError` where it would lead to an address that it
   * may not reach, and with a `CertificateError` for a host whose certificate is not accepted.
   */
  async get({ url, path, mayBeLocal, signal, range }: HttpGet): Promise<HttpResponse> {
    const isSecure = url.protocol === "https:";
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (!mayBeLocal) this.#guard.checkLiteral(host);
    const request = isSecure ? (await this.#loadSecure()).request : httpRequest;
    const agent = await this.#agent(isSecure, mayBeLocal);
    return new Promise((resolve, reject) => {
      const asking = request({
        ...this.#from,
        agent,
        host,
        lookup: this.#guard.lookupFor(mayBeLocal),
        port: url.port,
        path,
        headers: {
          host: url.host,
          "user-agent": "cachetorrent",
          accept: "*/*",
          // The bytes of a range are those of the file, and not of a compressed one.
          ...(range === undefined ? {} : { range, "accept-encoding": "identity" }),
        },
        ...(url.username ? { auth: decodeURIComponent(`${url.username}:${url.password}`) } : {}),
        signal,
      });
      const connecting = this.#clock.after(CONNECT_MS, () =>
        asking.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)),
      );
      // Taken at once: a socket that has closed by the time of the response does not know it any more.
      let remote: string | undefined;
      asking.once("socket", (socket) => {
        const connected = () => {
          connecting.cancel();
          remote = socket.remoteAddress;
        };
        if (!socket.connecting) connected();
        else socket.once("connect", connected);
      });
      asking.once("response", (response) =>
        // Of one that is not known the strict rule holds: a redirect from it leads to nothing local.
        resolve({ response, isLocal: remote !== undefined && this.#guard.isLocal(remote) }),
      );
      asking.once("error", (error) => {
        connecting.cancel();
        reject(failureOver(asking.socket, host, error));
      });
      asking.end();
    });
  }

  /** Ends requests in flight too. Idempotent. */
  async close(): Promise<void> {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  /** What may be local has connections of its own: a kept one is used without a lookup that would judge it. */
  async #agent(isSecure: boolean, mayBeLocal: boolean): Promise<HttpAgent | HttpsAgent> {
    const Agent = isSecure ? (await this.#loadSecure()).Agent : HttpAgent;
    const key = `${isSecure} ${mayBeLocal}`;
    const agent = this.#agents.get(key) ?? new Agent({ keepAlive: true, timeout: KEPT_MS });
    this.#agents.set(key, agent);
    return agent;
  }

  /** TLS is loaded by those who need it. */
  #loadSecure(): Promise<typeof import("node:https")> {
    this.#secure ??= import("node:https");
    return this.#secure;
  }
}
