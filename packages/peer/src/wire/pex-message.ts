import {
  asBytes,
  decodeBencodeDict,
  decodeCompact,
  type Endpoint,
  encodeBencode,
  encodeCompact,
  fail,
  get,
  isIPv6,
  LIMITS,
  ok,
  type Result,
} from "@cachetorrent/protocol";

/** The extension's name in the extended handshake (BEP 11). */
export const UT_PEX = "ut_pex";

/** Whom the sender met since its last message, and whom it lost. */
export interface PexMessage {
  readonly added: readonly Endpoint[];
  readonly dropped: readonly Endpoint[];
}

/** Six strings; other clients' additions are as short. */
const BOUNDS = { bytes: LIMITS.peer.extensionBytes, depth: 4, items: 100 };

export function encodePex({ added, dropped }: PexMessage): Uint8Array {
  const of = (endpoints: readonly Endpoint[], isWanted: boolean) =>
    endpoints.filter(({ address }) => isIPv6(address) === isWanted);
  const flags = (endpoints: readonly Endpoint[]) => new Uint8Array(endpoints.length);
  return encodeBencode({
    added: encodeCompact(of(added, false)),
    "added.f": flags(of(added, false)),
    added6: encodeCompact(of(added, true)),
    "added6.f": flags(of(added, true)),
    dropped: encodeCompact(of(dropped, false)),
    dropped6: encodeCompact(of(dropped, true)),
  });
}

/** Of each list as many as a message may have, the first ones: a longer list is cut, not refused, as in other clients. */
export function decodePex(body: Uint8Array): Result<PexMessage> {
  const decoded = decodeBencodeDict(body, BOUNDS);
  if (!decoded.ok) return malformed(decoded.error.message);
  const lists: Endpoint[][] = [];
  for (const name of ["added", "dropped"]) {
    const v4 = decodeCompact(asBytes(get(decoded.value, name)) ?? new Uint8Array(), "IPv4");
    const v6 = decodeCompact(asBytes(get(decoded.value, `${name}6`)) ?? new Uint8Array(), "IPv6");
    if (!v4.ok || !v6.ok) return malformed(`the list ${name} ends in the middle`);
    lists.push([...v4.value, ...v6.value].slice(0, LIMITS.discovery.pexEntriesFirst));
  }
  const [added = [], dropped = []] = lists;
  return ok({ added, dropped });
}

function malformed(what: string) {
  return fail("CT_ERR_EXTENSION", `${UT_PEX}: ${what}`);
}
