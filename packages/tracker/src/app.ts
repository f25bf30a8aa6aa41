import Fastify, { type FastifyInstance, LogController } from "fastify";
import type { TrackerOptions } from "./options.ts";
import { trackerPlugin } from "./plugin.ts";

/** The tracker as an app of its own; whoever built it listens and closes. */
export function buildTracker(options: TrackerOptions = {}): FastifyInstance {
  const app = Fastify({
    // A line per request would cost as much as answering it.
    logController: new LogController({ disableRequestLogging: true }),
    // The protocol's own parser reads the raw query; another one before it would cost more than the announce.
    routerOptions: { querystringParser: () => ({}) },
    // Above the bound on queries, so that one too long gets an answer that says so.
    http: { maxHeaderSize: 64 * 1024 },
    // Slow senders (slowloris) are cut off; a long poll's request has been received, so this is no bound on it.
    requestTimeout: 10_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: "idle",
  });
  app.register(trackerPlugin, options);
  return app;
}
