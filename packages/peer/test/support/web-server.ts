import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { GivenTorrent } from "./torrents.ts";

/** A line of the access log. */
export interface Access {
  readonly path: string;
  /** Who asked. */
  readonly from: string;
  readonly status: number;
  /** The range that was asked for, first and last byte; undefined for the whole file. */
  readonly range: readonly [first: number, last: number] | undefined;
}

/** Answers a request in another way than by its bytes; false leaves it to the server. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A real HTTP server of a torrent's files, at /files/, with ranges (RFC 9110, section 14) and an access log. */
export class WebServer {
  readonly origin: string;
  readonly log: Access[] = [];
  behaviour: Behaviour = () => false;
  readonly #server: Server;
  readonly #files = new Map<string, Uint8Array>();

  private constructor(server: Server, host: string) {
    this.#server = server;
    this.origin = `http://${host}:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => this.#answer(request, response));
    onTestFinished(() => this.close());
  }

  static async of({ content, metainfo }: GivenTorrent, host = "127.9.0.1"): Promise<WebServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    const web = new WebServer(server, host);
    for (const { length, offset, pad, path } of metainfo.files) {
      if (!pad) web.#files.set(`/files/${path.join("/")}`, content.subarray(offset, offset + length));
    }
    return web;
  }

  /** The folder of the content. */
  get url(): string {
    return `${this.origin}/files/`;
  }

  /** Bytes that were asked for, whether they came or not. */
  get askedBytes(): number {
    return this.log.reduce((sum, { range }) => sum + (range ? range[1] - range[0] + 1 : 0), 0);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url ?? "", this.origin).pathname);
    const asked = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const range = asked ? ([Number(asked[1]), Number(asked[2])] as const) : undefined;
    const from = request.socket.remoteAddress ?? "";
    response.on("close", () => this.log.push({ path, from, status: response.statusCode, range }));
    if (this.behaviour(request, response)) return;
    const file = this.#files.get(path);
    if (!file) response.writeHead(404).end();
    else if (range && range[1] < file.length) {
      const [first, last] = range;
      response.writeHead(206, {
        "content-range": `bytes ${first}-${last}/${file.length}`,
        "content-length": last - first + 1,
      });
      response.end(file.subarray(first, last + 1));
    } else response.writeHead(range ? 416 : 200).end(range ? undefined : file);
  }
}
