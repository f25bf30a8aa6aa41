import type { FastifyInstance } from "fastify";
import type { TrackerMetrics } from "./metrics.ts";
import { trackerStats } from "./stats.ts";
import type { Tracker } from "./tracker.ts";

/** For operators. None of them tells a token: those never leave the access control. */
export function statsRoutes(app: FastifyInstance, tracker: Tracker, metrics: TrackerMetrics): void {
  app.get("/stats.json", async () => trackerStats(tracker));
  app.get("/metrics", async (_request, reply) => {
    reply.header("content-type", metrics.registry.contentType);
    return metrics.text();
  });
  app.get("/healthz", async () => ({ status: "ok" }));
}
