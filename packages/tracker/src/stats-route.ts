import type { FastifyInstance } from "fastify";
import type { TrackerMetrics } from "./metrics.ts";
import { SWARMS_LISTED, trackerStats } from "./stats.ts";
import type { Tracker } from "./tracker.ts";

/** So long a long answer is given again: to make it takes time in which no announce is answered. */
const CACHED_MS = 1000;

/** For operators. None of them tells a token: those never leave the access control. */
export function statsRoutes(app: FastifyInstance, tracker: Tracker, metrics: TrackerMetrics): void {
  const stats = cachedStats(tracker);
  app.get("/stats.json", async (_request, reply) => {
    reply.type("application/json; charset=utf-8");
    return stats();
  });
  app.get("/metrics", async (_request, reply) => {
    reply.header("content-type", metrics.registry.contentType);
    return metrics.text();
  });
  app.get("/healthz", async () => ({ status: "ok" }));
}

/** `/stats.json` as text; a second old at most where not all swarms are listed, and the largest have to be found. */
function cachedStats(tracker: Tracker): () => string {
  const { clock, store } = tracker.options;
  let cached: { readonly text: string; readonly at: number } | undefined;
  return () => {
    if (cached && store.size > SWARMS_LISTED && clock.now() < cached.at + CACHED_MS) return cached.text;
    const text = JSON.stringify(trackerStats(tracker));
    cached = store.size > SWARMS_LISTED ? { text, at: clock.now() } : undefined;
    return text;
  };
}
