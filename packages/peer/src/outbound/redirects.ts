import type { IncomingMessage } from "node:http";
import { LocalAddressError } from "./address-guard.ts";
import type { HttpClient, HttpResponse } from "./http-client.ts";
import { shownUrl } from "./shown-url.ts";

/** A redirect that is not followed; the message says why, and is to stand behind the name of who was asked. */
export class RedirectError extends Error {
  override readonly name = "RedirectError";
}

export interface Following {
  /** Path and query to ask for at this URL. */
  readonly pathOf: (url: URL) => string;
  /** May this URL lead to a local address, as far as itself is concerned? */
  readonly mayBeLocal: (url: URL) => boolean;
  readonly signal: AbortSignal;
  /** Asked for no more than these bytes, "bytes=FROM-TO" (RFC 9110, section 14.2). */
  readonly range?: string;
}

const REDIRECTS_MOST = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Asks for `first`, and for what it redirects to. Resolves with the head of the first response that is no redirect; one
 * that came from a global address leads to no local one. Rejects with a `RedirectError`, or as `HttpClient.get` does.
 */
export async function getFollowing(
  http: HttpClient,
  first: URL,
  { pathOf, mayBeLocal, signal, range }: Following,
): Promise<IncomingMessage> {
  const seen: URL[] = [];
  let wasGlobal = false;
  for (let url = first; ; ) {
    seen.push(url);
    const { response, isLocal }: HttpResponse = await http
      .get({ url, path: pathOf(url), mayBeLocal: !wasGlobal && mayBeLocal(url), signal, range })
      .catch((error: unknown) => {
        if (!(error instanceof LocalAddressError) || seen.length === 1) throw error;
        const where = `${shownUrl(url.href)}, at the local address ${error.address}`;
        throw new RedirectError(`redirects to ${where}, which is not followed`, { cause: error });
      });
    if (!REDIRECTS.has(response.statusCode ?? 0)) return response;
    wasGlobal ||= !isLocal;
    const { location } = response.headers;
    // Its body is of no use, and may be endless.
    response.destroy();
    url = nextOf(url, location, seen);
  }
}

function nextOf(from: URL, location: string | undefined, seen: readonly URL[]): URL {
  const next = location === undefined ? null : URL.parse(location, from.href);
  if (!next) throw new RedirectError("redirects without saying where to");
  next.hash = "";
  if (next.protocol !== "http:" && next.protocol !== "https:") {
    throw new RedirectError(`redirects to ${shownUrl(next.href)}, which is not HTTP or HTTPS`);
  }
  const back = seen.findIndex(({ href }) => href === next.href);
  if (back >= 0) {
    const circle = [...seen.slice(back), next].map(({ href }) => shownUrl(href)).join(" to ");
    throw new RedirectError(`redirects in a circle: ${circle}`);
  }
  if (seen.length > REDIRECTS_MOST) {
    throw new RedirectError(`redirects more than ${REDIRECTS_MOST} times, last to ${shownUrl(next.href)}`);
  }
  return next;
}
