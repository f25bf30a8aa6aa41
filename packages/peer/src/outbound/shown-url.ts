/**
 * The URL as logs and errors may show it. A private tracker's URL is a password: its token stands in the path
 * (`/TOKEN/announce`, `/announce/TOKEN`) or in the query (`?passkey=`), so only the host and `announce` are told.
 */
export function shownUrl(text: string): string {
  const url = URL.parse(text);
  if (!url) return "(malformed URL)";
  const last = /^\/(?:(.*)\/)?(announce(?:\.\w+)?)$/.exec(url.pathname);
  const path = last ? `${last[1] === undefined ? "" : "/…"}/${last[2]}` : url.pathname === "/" ? "/" : "/…";
  return `${url.protocol}//${url.host}${path}${url.search === "" ? "" : "?…"}`;
}
