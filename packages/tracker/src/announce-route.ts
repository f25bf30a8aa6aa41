import { decodeAnnounceRequest, encodeAnnounceAnswer, ok } from "@cachetorrent/protocol";
import { announce } from "./announce.ts";
import type { Answer, Question } from "./query-route.ts";
import type { Tracker } from "./tracker.ts";

/** `GET /announce` (BEP 3, 7, 23, 24). */
export function answerAnnounce(tracker: Tracker, { query, source }: Question): Answer {
  const request = decodeAnnounceRequest(query);
  if (!request.ok) return request;
  const refusal = tracker.options.access.checkInfoHash(request.value.infoHash);
  if (refusal) return { ok: false, error: refusal };
  const answer = announce(tracker, request.value, source);
  return answer.ok ? ok(encodeAnnounceAnswer(answer.value, request.value)) : answer;
}
