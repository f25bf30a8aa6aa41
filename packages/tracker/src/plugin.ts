import type { FastifyInstance } from "fastify";
import { answerAnnounce } from "./announce-route.ts";
import { LeadersFeed } from "./leaders-feed.ts";
import { answerLeaders } from "./leaders-route.ts";
import { answerLocate } from "./locate-route.ts";
import { TrackerMetrics } from "./metrics.ts";
import type { TrackerOptions } from "./options.ts";
import { type Answer, type Question, queryRoute } from "./query-route.ts";
import { answerScrape } from "./scrape-route.ts";
import { statsRoutes } from "./stats-route.ts";
import { Tracker } from "./tracker.ts";

/**
 * The tracker as a Fastify plugin. It keeps to itself (no decorators or hooks outside), so that it can be mounted in
 * anybody's app, under any `prefix`; it stops with that app.
 */
export async function trackerPlugin(app: FastifyInstance, options: TrackerOptions): Promise<void> {
  const tracker = new Tracker(options);
  const feed = new LeadersFeed(tracker.options.clock);
  const metrics = new TrackerMetrics(tracker, feed);
  tracker.onLeadersChanged((infoHash, { asn }) => feed.publish(infoHash, asn));
  tracker.onSwarmDropped((infoHash) => feed.closeSwarm(infoHash));

  const route = (name: string, answer: (question: Question) => Answer | Promise<Answer>) =>
    queryRoute(app, tracker, name, answer, (answer) => metrics.count(name, answer));
  route("announce", (question) => {
    const { clock } = tracker.options;
    const startedAt = clock.now();
    const answer = answerAnnounce(tracker, question);
    metrics.observeAnnounce(clock.now() - startedAt);
    return answer;
  });
  route("scrape", (question) => answerScrape(tracker, question));
  route("leaders", (question) => answerLeaders(tracker, feed, question));
  route("locate", (question) => answerLocate(tracker, question));

  statsRoutes(app, tracker, metrics);

  // Before the server waits for its connections: a long poll would keep it waiting.
  app.addHook("preClose", async () => feed.close());
  app.addHook("onClose", async () => tracker.stop());
}
