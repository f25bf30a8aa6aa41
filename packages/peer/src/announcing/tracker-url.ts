/**
 * The URL beside an announce URL: the last path segment's `announce` replaced, the rest of the segment and the query
 * kept (BEP 48). Undefined where that segment does not begin with `announce`: such a tracker has no such URL.
 */
export function siblingUrl(announceUrl: string, name: "leaders" | "locate" | "scrape"): string | undefined {
  const url = URL.parse(announceUrl);
  if (!url) return undefined;
  const segment = url.pathname.lastIndexOf("/") + 1;
  if (!url.pathname.startsWith("announce", segment)) return undefined;
  url.pathname = url.pathname.slice(0, segment) + name + url.pathname.slice(segment + "announce".length);
  return url.href;
}
