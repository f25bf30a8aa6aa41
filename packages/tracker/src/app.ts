import { encodeFailure, LIMITS } from "@cachetorrent/protocol";
import Fastify, { type FastifyInstance, type FastifyReply, LogController } from "fastify";
import type { TrackerOptions } from "./options.ts";
import { trackerPlugin } from "./plugin.ts";

/** The tracker as an app of its own; whoever built it listens and closes. */
export function buildTracker(options: TrackerOptions = {}): FastifyInstance {
  const app = Fastify({
    // A line per request would cost as much as answering it.
    logController: new LogController({ disableRequestLogging: true }),
    // The protocol's own parser reads the raw query; another one before it would cost more than the announce.
    routerOptions: { querystringParser: () => ({}), maxParamLength: LIMITS.tracker.queryBytes },
    frameworkErrors: refuseUrl,
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

/** As all failures of a tracker: clients show a failure reason, and of another status nothing (BEP 3). */
function refuseUrl(_error: Error, _request: unknown, reply: FastifyReply): void {
  void reply.type("text/plain").send(encodeFailure("malformed URL"));
}
