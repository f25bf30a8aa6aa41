import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import type { Agent as HttpsAgent } from "node:https";
import type { Clock } from "@cachetorrent/clock";
import { type Address, isIPv6 } from "@cachetorrent/protocol";

const CONNECT_MS = 5_000;
/** A connection that idled for longer is not used again: the other side may be closing it just then. */
const KEPT_MS = 4_000;

/**
 * HTTP and HTTPS from a local address, over connections that are kept. On node's own client: undici does the same, and to
 * load it takes 30 MB.
 */
export class HttpClient {
  readonly #clock: Clock;
  readonly #from: Pick<RequestOptions, "localAddress" | "family">;
  readonly #agents: (HttpAgent | HttpsAgent)[] = [];
  #secure: Promise<typeof import("node:https")> | undefined;

  /** Without a local address the machine chooses. */
  constructor(clock: Clock, localAddress: Address | undefined) {
    this.#clock = clock;
    // A name such as `localhost` may stand for addresses of both families; only one of them can be bound.
    this.#from = localAddress ? { localAddress, family: isIPv6(localAddress) ? 6 : 4 } : {};
  }

  /** Resolves with the head of the response; its body is to be read. `path` has the query. */
  async get(url: URL, path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const isSecure = url.protocol === "https:";
    const request = isSecure ? (await this.#loadSecure()).request : httpRequest;
    const agent = await this.#agent(isSecure);
    return new Promise((resolve, reject) => {
      const asking = request({
        ...this.#from,
        agent,
        host: url.hostname.replace(/^\[|\]$/g, ""),
        port: url.port,
        path,
        headers: { host: url.host, "user-agent": "cachetorrent", accept: "*/*" },
        ...(url.username ? { auth: decodeURIComponent(`${url.username}:${url.password}`) } : {}),
        signal,
      });
      const connecting = this.#clock.after(CONNECT_MS, () =>
        asking.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)),
      );
      asking.once("socket", (socket) => {
        if (!socket.connecting) connecting.cancel();
        else socket.once("connect", () => connecting.cancel());
      });
      asking.once("response", resolve);
      asking.once("error", (error) => {
        connecting.cancel();
        reject(error);
      });
      asking.end();
    });
  }

  /** Ends requests in flight too. Idempotent. */
  async close(): Promise<void> {
    for (const agent of this.#agents) agent.destroy();
  }

  async #agent(isSecure: boolean): Promise<HttpAgent | HttpsAgent> {
    const Agent = isSecure ? (await this.#loadSecure()).Agent : HttpAgent;
    const known = this.#agents.find((agent) => agent instanceof Agent);
    if (known) return known;
    const agent = new Agent({ keepAlive: true, timeout: KEPT_MS });
    this.#agents.push(agent);
    return agent;
  }

  /** TLS is loaded by those who need it. */
  #loadSecure(): Promise<typeof import("node:https")> {
    this.#secure ??= import("node:https");
    return this.#secure;
  }
}
