import type { PeerDaemon } from "@cachetorrent/peer";
import { CtError, LIMITS } from "@cachetorrent/protocol";
import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import type { EventFeed } from "./event-feed.ts";
import { admit } from "./guard.ts";
import { answerError, HttpError } from "./http-error.ts";
import { limitValues } from "./limit-values.ts";
import { PeerMetrics } from "./metrics.ts";
import { daemonRoutes } from "./routes/daemon.ts";
import { detailRoutes } from "./routes/details.ts";
import { eventRoutes } from "./routes/events.ts";
import { torrentRoutes } from "./routes/torrents.ts";
import type { TorrentKeeper } from "./torrent-keeper.ts";
import { lostView } from "./views.ts";

export interface ControlParts {
  readonly peer: PeerDaemon;
  readonly keeper: TorrentKeeper;
  readonly feed: EventFeed;
  readonly token: string;
  readonly version: string;
  readonly log: Logger;
  /** Resolves when all torrents are there; until then requests wait. */
  readonly ready: Promise<void>;
}

/** The control interface of a daemon, as an app; whoever built it listens and closes. */
export async function buildControl(parts: ControlParts): Promise<FastifyInstance> {
  const { feed, keeper, log, peer, token, version } = parts;
  const app = Fastify({
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LIMITS.control.bodyBytes,
    requestTimeout: 60_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: "idle",
    // What is not as described is refused: by default it would be left out, or made to fit.
    ajv: {
      customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allErrors: false },
    },
  });
  app.server.maxConnections = LIMITS.control.connections;
  // Answers are described, and not cut to their description.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  app.setErrorHandler(answerError(log));
  app.addHook("onRequest", async (request) => {
    admit(request, token);
    await parts.ready;
  });
  app.addHook("onSend", async (_request, reply) => {
    reply.header("cache-control", "no-store").header("x-content-type-options", "nosniff");
  });
  app.setNotFoundHandler((request) => {
    throw new HttpError(
      404,
      new CtError(
        "CT_ERR_USAGE",
        `there is no ${request.method} ${pathOf(request.url)}; /openapi.json tells what there is`,
      ),
    );
  });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "CacheTorrent daemon", version },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
  });
  daemonRoutes(app, {
    peer,
    keeper,
    version,
    limitsChanged: () => feed.tell("limits", { limits: limitValues(peer.limits), schedule: peer.schedule }),
  });
  torrentRoutes(app, keeper);
  detailRoutes(app, keeper, peer);
  eventRoutes(app, feed);
  const metrics = new PeerMetrics({
    status: () => {
      const { connections, torrents } = peer.status();
      return { connections, torrents: [...torrents, ...[...keeper.lost.values()].map(lostView)] };
    },
    get traffic() {
      return peer.traffic;
    },
  });
  app.get(
    "/metrics",
    { schema: { summary: "For Prometheus", produces: ["text/plain"] } },
    async (_request, reply) => {
      reply.header("content-type", metrics.registry.contentType);
      return metrics.text();
    },
  );
  app.get("/healthz", { schema: { summary: "Is it there?", security: [] } }, async () => ({ status: "ok" }));
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  await app.ready();
  return app;
}

function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? "";
}
