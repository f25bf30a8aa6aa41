import { decodeLeadersQuery, encodeLeadersAnswer, fail, type LeadersQuery, ok } from "@cachetorrent/protocol";
import type { LeadersFeed } from "./leaders-feed.ts";
import type { Answer, Question } from "./query-route.ts";
import type { Tracker } from "./tracker.ts";

/** `GET /leaders`, the long poll: answered as soon as the term is above the one the member knows. */
export function answerLeaders(
  tracker: Tracker,
  feed: LeadersFeed,
  { query, source, request }: Question,
): Answer | Promise<Answer> {
  const asked = decodeLeadersQuery(query);
  if (!asked.ok) return asked;
  const { infoHash, peerId, term } = asked.value;
  const refusal = tracker.options.access.checkInfoHash(infoHash);
  if (refusal) return { ok: false, error: refusal };
  const tell = (): Answer => {
    const ct = tracker.tellLeaders(infoHash, peerId, source);
    return ct ? ok(encodeLeadersAnswer(ct)) : fail("CT_ERR_REFUSED", "unknown peer");
  };
  const known = tracker.tellLeaders(infoHash, peerId, source);
  if (!known) return tell();
  if ((known.leaders?.term ?? 0) > term) {
    // A poll, if a short one: whoever sent it is alive.
    tracker.feedOpened(infoHash, peerId);
    tracker.feedClosed(infoHash, peerId);
    return tell();
  }
  const poll = waitForNews(tracker, feed, asked.value, source);
  if (!poll) return fail("CT_ERR_REFUSED", "poll by announcing");
  const hangUp = () => poll.end();
  request.raw.socket.once("close", hangUp);
  return poll.ended.then(() => {
    request.raw.socket.off("close", hangUp);
    return tell();
  });
}

function waitForNews(
  tracker: Tracker,
  feed: LeadersFeed,
  { infoHash, peerId }: LeadersQuery,
  source: Question["source"],
) {
  const swarm = tracker.options.store.get(infoHash);
  const asn = swarm?.get(peerId)?.asn;
  if (!swarm || asn === undefined) return undefined;
  const poll = feed.wait({ infoHash, peerId, asn, source }, () => tracker.feedClosed(infoHash, peerId));
  if (poll) tracker.feedOpened(infoHash, peerId);
  else swarm.expectNoFeed(peerId);
  return poll;
}
