import { once } from "node:events";
import { createServer } from "node:http";

/** What something answers that listens where a tracker should, and is none. */
export interface FalseAnswer {
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** Resolves, when it listens, with what ends it. */
export async function startFalseTracker(port: number, answer: FalseAnswer): Promise<() => Promise<void>> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": answer.type }).end(answer.body);
  });
  await once(server.listen(port, "127.0.0.1"), "listening");
  return async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
}
