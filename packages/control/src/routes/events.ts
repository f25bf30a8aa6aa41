import { CtError } from "@cachetorrent/protocol";
import type { FastifyInstance } from "fastify";
import type { EventFeed } from "../event-feed.ts";
import { HttpError } from "../http-error.ts";
import { answers, EventsAnswer } from "../schemas.ts";

const SUMMARY =
  "What happens, as server-sent events: added, removed, paused, resumed, changed, complete, shared, failed, limits, and each second progress";

export function eventRoutes(app: FastifyInstance, feed: EventFeed): void {
  const content = { "text/event-stream": { schema: EventsAnswer } };
  const response = { ...answers(EventsAnswer), 200: { description: "until the daemon stops", content } };
  app.get("/v1/events", { schema: { summary: SUMMARY, response } }, async (_request, reply) => {
    if (feed.isFull) throw new HttpError(503, new CtError("CT_ERR_CONTROL", "too many watch already"));
    reply.hijack();
    feed.add(reply.raw);
  });
  // Before the server waits for its connections.
  app.addHook("preClose", async () => feed.stop());
}
