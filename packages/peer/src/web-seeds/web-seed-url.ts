import { createHash } from "node:crypto";
import { addressFromBytes, type Endpoint, LIMITS } from "@cachetorrent/protocol";
import type { Metainfo } from "../metainfo/metainfo.ts";

/** Those that we can ask, each once: HTTP and HTTPS, of a length that no honest URL exceeds. The first `perTorrent` of them. */
export function usableWebSeeds(urls: readonly string[]): string[] {
  const usable = urls.flatMap((text) => {
    if (text.length > LIMITS.webSeeds.urlBytes) return [];
    const url = URL.parse(text);
    return url?.hostname && (url.protocol === "http:" || url.protocol === "https:") ? [url.href] : [];
  });
  return [...new Set(usable)].slice(0, LIMITS.webSeeds.perTorrent);
}

/**
 * Where a file of the torrent is (BEP 19): of a multi-file torrent below the URL, of a single-file one at the URL unless that ends in a
 * slash. A query stays behind the path, for servers that are asked for a token there.
 */
export function fileUrl(base: string, { files }: Pick<Metainfo, "files">, file: number): URL {
  const url = new URL(base);
  const path = files[file]?.path ?? [];
  const isOneFile = files.length === 1 && path.length === 1;
  if (isOneFile && !url.pathname.endsWith("/")) return url;
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  // Each name by itself: what looks like a slash, a query or an escape in it is none.
  url.pathname += path.map(encodeURIComponent).join("/");
  return url;
}

/** As logs may show it: its path is public, what stands in a query or before the host may be a password. */
export function shownWebSeed(text: string): string {
  const url = new URL(text);
  return `${url.protocol}//${url.host}${url.pathname}${url.search === "" ? "" : "?…"}`;
}

/** RFC 6666: addresses that no packet is ever delivered to. */
const DISCARD_PREFIX = Buffer.from("0100000000000000", "hex");

/**
 * As what claims and logs name it, for which it must have one endpoint, the same for all members: the addresses of its name are
 * many, change, and are known only once it was asked. So it is of the discard prefix and a hash of the URL, and is nobody's.
 */
export function endpointOf(text: string): Endpoint {
  const url = new URL(text);
  const hash = createHash("sha1").update(url.href).digest().subarray(0, 8);
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  return { address: addressFromBytes(Buffer.concat([DISCARD_PREFIX, hash])), port };
}
