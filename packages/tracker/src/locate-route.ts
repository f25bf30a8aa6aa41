import { decodeLocateQuery, encodeLocateAnswer, ok } from "@cachetorrent/protocol";
import { locate } from "./locate.ts";
import type { Answer, Question } from "./query-route.ts";
import type { Tracker } from "./tracker.ts";

/** `GET /locate`: the AS of endpoints, for peers that were dialled by somebody who is in no list. */
export function answerLocate(tracker: Tracker, { query, source }: Question): Answer {
  const request = decodeLocateQuery(query);
  if (!request.ok) return request;
  const refusal = tracker.options.access.checkInfoHash(request.value.infoHash);
  if (refusal) return { ok: false, error: refusal };
  return ok(encodeLocateAnswer(locate(tracker, request.value, source)));
}
