import {
  asBytes,
  asCount,
  asDict,
  asList,
  type BencodeDict,
  CtError,
  get,
  LIMITS,
} from "@cachetorrent/protocol";
import { checkPath, PathTree, quote } from "./torrent-paths.ts";
import { text, utf8 } from "./torrent-text.ts";

/** The v1 part of an info dictionary, checked. */
export interface V1Part {
  readonly name: string;
  readonly hashes: Uint8Array;
  readonly files: readonly { readonly path: readonly string[]; readonly pad: boolean }[];
  /** The keys that parse-torrent reads, each of the type that it takes for granted. */
  readonly info: BencodeDict;
}

/**
 * Checks the keys of BEP 3 and 47. parse-torrent sees only what passed: it trusts every type, resolves ".." in paths
 * without a word, turns names that are not UTF-8 into U+FFFD, and hashes a re-encoding instead of the dictionary's
 * own bytes. So names, paths and the info-hash are ours.
 */
export function v1Part(info: BencodeDict, source: string): V1Part {
  const hashes = asBytes(get(info, "pieces"));
  if (!hashes) {
    if (get(info, "meta version") === 2 || get(info, "file tree") !== undefined) {
      throw new CtError(
        "CT_ERR_TORRENT_V2_ONLY",
        `${source}: is a BitTorrent v2 torrent without a v1 part (BEP 52); make a hybrid or a v1 torrent of the files`,
      );
    }
    throw refusal(source, "has no piece hashes (info.pieces)");
  }
  if (hashes.length % 20 !== 0) {
    throw refusal(source, `has ${hashes.length} bytes of piece hashes, which is not a multiple of 20`);
  }
  const pieceLength = asCount(get(info, "piece length"));
  const { pieceLengthLeast, pieceLengthMost } = LIMITS.peer;
  if (pieceLength === undefined) throw refusal(source, "has no piece length");
  // Smaller pieces than a block make bitfields and hash lists dear; larger ones fill the piece buffers.
  if (pieceLength < pieceLengthLeast || pieceLength > pieceLengthMost) {
    throw refusal(
      source,
      `has pieces of ${pieceLength} bytes; supported are ${pieceLengthLeast} to ${pieceLengthMost}`,
    );
  }
  const nameBytes = utf8(get(info, "name.utf-8")) ?? asBytes(get(info, "name"));
  if (!nameBytes?.length) throw refusal(source, "has no name (info.name)");
  const name = text(nameBytes);

  const shared = { name: nameBytes, "piece length": pieceLength, pieces: hashes };
  const isPrivate = get(info, "private") === 1 ? { private: 1 } : {};
  if (get(info, "files") === undefined) {
    const length = asCount(get(info, "length"));
    if (length === undefined) throw refusal(source, `has no valid length of ${quote(name)}`);
    const path = checkPath([name], source);
    return { name, hashes, files: [{ path, pad: false }], info: { ...shared, ...isPrivate, length } };
  }
  const files = fileList(info, name, source);
  return { name, hashes, files, info: { ...shared, ...isPrivate, files: files.map((file) => file.entry) } };
}

function fileList(info: BencodeDict, name: string, source: string) {
  const entries = asList(get(info, "files"));
  if (!entries?.length) throw refusal(source, "has an empty list of files");
  const tree = new PathTree(source);
  checkPath([name], source);
  return entries.map((value, index) => {
    const file = asDict(value);
    const length = file && asCount(get(file, "length"));
    if (!file || length === undefined) throw refusal(source, `has no valid length of file ${index + 1}`);
    const attributes = text(asBytes(get(file, "attr")) ?? new Uint8Array());
    // A link may point anywhere, so none is made. It carries no bytes; one that claims some is an ordinary file.
    const pad = attributes.includes("p") || (attributes.includes("l") && length === 0);
    const components = pathOf(file);
    if (!components?.length && !pad) throw refusal(source, `has no path of file ${index + 1}`);
    // Padding is never on disk, and makers give many pads one name: theirs may be anything.
    const path = pad ? [name, ...(components ?? [])] : checkPath([name, ...(components ?? [])], source);
    if (!pad) tree.add(path);
    return { path, pad, entry: { length, path: [] } };
  });
}

function pathOf(file: BencodeDict): string[] | undefined {
  const inUtf8 = asList(get(file, "path.utf-8"))?.map(utf8);
  if (inUtf8?.length && inUtf8.every((component) => component !== undefined)) return inUtf8.map(text);
  const path = asList(get(file, "path"))?.map(asBytes);
  return path?.every((component) => component !== undefined) ? path.map(text) : undefined;
}

export function refusal(source: string, fault: string): CtError {
  return new CtError("CT_ERR_TORRENT", `${source}: ${fault}`);
}
