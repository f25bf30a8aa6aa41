import { decodeLeadersQuery, encodeLeadersAnswer, ok } from "@cachetorrent/protocol";
import { isSamePeer } from "./identity.ts";
import type { LeadersFeed, Poll } from "./leaders-feed.ts";
import type { AskingPeer } from "./member-answer.ts";
import type { Answer, Question } from "./query-route.ts";
import { refuse } from "./refusal.ts";
import type { Swarm } from "./swarm.ts";
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
  const tell = (): Answer => {
    // Again when the poll ends: the info-hash may have been withdrawn meanwhile.
    const refusal = tracker.options.access.checkInfoHash(infoHash);
    if (refusal) return { ok: false, error: refusal };
    const ct = tracker.tellLeaders(infoHash, peerId, source);
    return ct ? ok(encodeLeadersAnswer(ct)) : refuse("peer-unknown");
  };
  const swarm = tracker.options.store.get(infoHash);
  const peer = swarm?.get(peerId);
  if (!swarm || !peer?.member) return tell();
  const { leaders } = tracker.memberAnswer(swarm, { peer, source });
  const poll = openPoll(tracker, feed, swarm, { peer, source });
  if (leaders && leaders.term > term) {
    // Over before it began, but a sign of life.
    poll?.end();
    return tell();
  }
  if (!poll) return refuse("polls-full");
  const hangUp = () => poll.end();
  request.raw.socket.once("close", hangUp);
  return poll.ended.then(() => {
    request.raw.socket.off("close", hangUp);
    return tell();
  });
}

/** Undefined where the feed is full. */
function openPoll(
  tracker: Tracker,
  feed: LeadersFeed,
  { infoHash }: Swarm,
  { peer, source }: AskingPeer,
): Poll | undefined {
  const { peerId, asn } = peer;
  if (!isSamePeer(peer, source, undefined)) {
    // Leaders are no secret, but somebody else's poll must neither end the member's own, nor keep a dead one listed.
    return feed.wait({ infoHash, poller: `${peerId} ${source}`, asn, source });
  }
  const onEnd = () => tracker.feedClosed(infoHash, peerId);
  const poll = feed.wait({ infoHash, poller: peerId, asn, source }, onEnd);
  if (poll) tracker.feedOpened(infoHash, peerId);
  else tracker.feedRefused(infoHash, peerId);
  return poll;
}
