import { type Address, encodeFailure, fail, LIMITS, type Result } from "@cachetorrent/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { clientAddress } from "./client-address.ts";
import { Refusal } from "./refusal.ts";
import type { Tracker } from "./tracker.ts";

/** A request of the tracker protocol, past the checks that all of them have in common. */
export interface Question {
  /** What stands after `?`, still percent-encoded: frameworks take it for UTF-8 and lose bytes. */
  readonly query: string;
  readonly source: Address;
  readonly request: FastifyRequest;
}

/** The bencoded answer, or why there is none. */
export type Answer = Result<Uint8Array>;

/** Hears how each request ended. */
export type AnswerObserver = (answer: Answer) => void;

/**
 * A route of the tracker protocol, with and without a token in front. Whatever goes wrong is told as HTTP 200 with a
 * `failure reason` (BEP 3): clients show that to their users, and of another status nothing.
 */
export function queryRoute(
  app: FastifyInstance,
  tracker: Tracker,
  name: string,
  answer: (question: Question) => Answer | Promise<Answer>,
  observe: AnswerObserver,
): void {
  const finish = (reply: FastifyReply, result: Answer): FastifyReply => {
    observe(result);
    if (!result.ok) {
      const reason = result.error.message;
      tracker.options.log.debug({ event: "refused", route: name, reason }, "refused");
      if (result.error instanceof Refusal) {
        const address = clientAddress(reply.request.raw, tracker.options.trustedProxies);
        tracker.refused(result.error.reason, { route: name, address });
      }
    }
    return reply
      .header("content-type", "text/plain")
      .send(result.ok ? result.value : encodeFailure(result.error.message));
  };
  const handler = (request: FastifyRequest, reply: FastifyReply) => {
    const question = check(tracker, request);
    const result = question.ok ? answer(question.value) : question;
    return result instanceof Promise ? result.then((later) => finish(reply, later)) : finish(reply, result);
  };
  const errorHandler = (err: Error, _request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    tracker.options.log.error({ err, event: "request failed", route: name }, "request failed");
    return finish(reply, fail("CT_ERR_TRACKER", "internal error"));
  };
  // HEAD would announce, too.
  const options = { exposeHeadRoute: false, errorHandler };
  app.get(`/${name}`, options, handler);
  app.get(`/:token/${name}`, options, handler);
}

function check(tracker: Tracker, request: FastifyRequest): Result<Question> {
  const url = request.raw.url ?? "";
  const mark = url.indexOf("?");
  const query = mark < 0 ? "" : url.slice(mark + 1);
  if (query.length > LIMITS.tracker.queryBytes) {
    return fail("CT_ERR_ANNOUNCE", `the query is longer than ${LIMITS.tracker.queryBytes} bytes`);
  }
  const { token } = request.params as { token?: string };
  const refusal = tracker.options.access.checkToken(token);
  if (refusal) return { ok: false, error: refusal };
  const source = clientAddress(request.raw, tracker.options.trustedProxies);
  // The client may be gone by now, and has no address any more.
  if (!source) return fail("CT_ERR_ADDRESS", "the request has no source address");
  return { ok: true, value: { query, source, request } };
}
