import { once } from "node:events";
import { createServer, type Server } from "node:http";

/** Something that listens where a tracker should, and is none. */
export class FalseTracker {
  readonly #server: Server;
  #asked = 0;
  readonly #waiting: { readonly count: number; resolve(): void }[] = [];

  static async start(
    port: number,
    answer: { type: string; body: string | Uint8Array },
  ): Promise<FalseTracker> {
    const tracker = new FalseTracker(answer);
    await once(tracker.#server.listen(port, "127.0.0.1"), "listening");
    return tracker;
  }

  private constructor(answer: { type: string; body: string | Uint8Array }) {
    this.#server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": answer.type, connection: "close" }).end(answer.body);
      this.#asked++;
      for (const waiter of this.#waiting) if (this.#asked >= waiter.count) waiter.resolve();
    });
  }

  /** Resolves when it has answered so many requests. */
  answered(count: number): Promise<void> {
    if (this.#asked >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
