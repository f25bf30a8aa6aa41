import { decodeScrapeQuery, encodeScrapeAnswer, ok } from "@cachetorrent/protocol";
import type { Answer, Question } from "./query-route.ts";
import { refuse } from "./refusal.ts";
import type { Tracker } from "./tracker.ts";

/** `GET /scrape` (BEP 48). */
export function answerScrape(tracker: Tracker, { query }: Question): Answer {
  const infoHashes = decodeScrapeQuery(query);
  if (!infoHashes.ok) return infoHashes;
  // It would tell everybody of every torrent, and cost as much as all of them together.
  if (infoHashes.value.length === 0) return refuse("full-scrape");
  const { access } = tracker.options;
  const allowed = infoHashes.value.filter((infoHash) => !access.checkInfoHash(infoHash));
  return ok(encodeScrapeAnswer(tracker.scrape(allowed)));
}
