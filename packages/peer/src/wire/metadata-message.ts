import {
  asCount,
  asDict,
  decodeBencodePrefix,
  encodeBencode,
  fail,
  get,
  LIMITS,
  ok,
  type Result,
} from "@cachetorrent/protocol";

/** The extension's name in the extended handshake (BEP 9). */
export const UT_METADATA = "ut_metadata";

/** A message about one piece of the info dictionary: 16 KiB of it, the last one less. */
export type MetadataMessage = { readonly m: "request"; readonly piece: number } | MetadataAnswer;

/** To a request: the piece itself, with the size of the whole, or that there is none to give. */
export type MetadataAnswer =
  | { readonly m: "data"; readonly piece: number; readonly totalSize: number; readonly bytes: Uint8Array }
  | { readonly m: "reject"; readonly piece: number };

const TYPES = { request: 0, data: 1, reject: 2 } as const;

/** Their dictionaries are flat, and have three keys. */
const BOUNDS = { depth: 4, items: 100 };

export function encodeMetadataMessage(message: MetadataMessage): Uint8Array {
  const { m, piece } = message;
  const head = encodeBencode({
    msg_type: TYPES[m],
    piece,
    ...(m === "data" ? { total_size: message.totalSize } : {}),
  });
  return m === "data" ? Buffer.concat([head, message.bytes]) : head;
}

/** Which pieces there are is for the reader to say. Undefined: of a type that later versions may bring, to be ignored. */
export function decodeMetadataMessage(body: Uint8Array): Result<MetadataMessage | undefined> {
  const decoded = decodeBencodePrefix(body, BOUNDS);
  if (!decoded.ok) return malformed(decoded.error.message);
  const { rest, value } = decoded.value;
  const dict = asDict(value) ?? {};
  const type = asCount(get(dict, "msg_type"));
  if (type === undefined) return malformed("no msg_type");
  if (type > TYPES.reject) return ok(undefined);
  const piece = asCount(get(dict, "piece"));
  if (piece === undefined) return malformed("no piece");
  if (type !== TYPES.data) return ok({ m: type === TYPES.request ? "request" : "reject", piece });
  const totalSize = asCount(get(dict, "total_size"));
  if (totalSize === undefined) return malformed("data without total_size");
  if (rest.length > LIMITS.metadata.pieceBytes) return malformed(`${rest.length} bytes of data`);
  return ok({ m: "data", piece, totalSize, bytes: rest });
}

function malformed(what: string) {
  return fail("CT_ERR_EXTENSION", `${UT_METADATA}: ${what}`);
}

/** How many pieces an info dictionary of so many bytes has. */
export function metadataPieces(size: number): number {
  return Math.ceil(size / LIMITS.metadata.pieceBytes);
}
