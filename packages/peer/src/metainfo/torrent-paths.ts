import { CtError } from "@cachetorrent/protocol";

/** NAME_MAX and PATH_MAX of Linux, in bytes: longer names cannot be made. */
const COMPONENT_BYTES_MOST = 255;
const PATH_BYTES_MOST = 4095;

/**
 * What our records are called, of begun files (begun-files.ts), of parts of skipped ones (parts-file.ts) and of metadata
 * (kept-metadata.ts): a torrent must not forge one.
 */
const RECORD_NAME = /^\.[0-9a-f]{40}\.(?:(?:parts\.)?cachetorrent|torrent)$/i;

export function recordName(infoHash: string): string {
  return `.${infoHash}.cachetorrent`;
}

/** The .torrent of one that came by magnet link. */
export function keptTorrentName(infoHash: string): string {
  return `.${infoHash}.torrent`;
}

/** Where parts of files are kept that are not to be downloaded (parts-file.ts). */
export function partsName(infoHash: string): string {
  return `.${infoHash}.parts.cachetorrent`;
}

/**
 * The path of a torrent's file, or CT_ERR_UNSAFE_PATH for one that would leave the download directory or that cannot
 * be made. Everything else is a legal name on Linux: backslashes, newlines, `con`, leading dots.
 */
export function checkPath(path: readonly string[], source: string): readonly string[] {
  const refuse = (fault: string) =>
    new CtError("CT_ERR_UNSAFE_PATH", `${source}: the file ${quote(path.join("/"))} ${fault}`);
  let bytes = -1;
  for (const component of path) {
    if (component === "") throw refuse("has an empty name in its path");
    if (component === "." || component === "..") throw refuse(`has "${component}" in its path`);
    if (component.includes("/")) throw refuse("has a slash inside a name");
    if (component.includes("\0")) throw refuse("has a NUL byte in its name");
    const length = Buffer.byteLength(component);
    if (length > COMPONENT_BYTES_MOST) {
      throw refuse(`has a name of ${length} bytes, more than ${COMPONENT_BYTES_MOST}`);
    }
    bytes += 1 + length;
  }
  if (bytes > PATH_BYTES_MOST) throw refuse(`has a path of ${bytes} bytes, more than ${PATH_BYTES_MOST}`);
  if (RECORD_NAME.test(path[0] ?? "")) throw refuse("has a name that this program keeps for its own records");
  return path;
}

const FILE = -1;

/** Refuses two files of one path, and a file that is another's directory. */
export class PathTree {
  /** (directory, name) → FILE or the id of a directory: time and memory grow with the components, not their depth. */
  readonly #entries = new Map<string, number>();
  readonly #source: string;
  #directories = 0;

  constructor(source: string) {
    this.#source = source;
  }

  add(path: readonly string[]): void {
    let directory = 0;
    for (const [depth, name] of path.entries()) {
      const isFile = depth === path.length - 1;
      const key = `${directory}/${name}`;
      const known = this.#entries.get(key);
      if (known !== undefined && (isFile || known === FILE)) {
        const twice = isFile && known === FILE;
        throw new CtError(
          "CT_ERR_TORRENT",
          `${this.#source}: ${quote(path.slice(0, depth + 1).join("/"))} is ${twice ? "named twice" : "both a file and a directory"}`,
        );
      }
      if (known === undefined) {
        const id = isFile ? FILE : ++this.#directories;
        this.#entries.set(key, id);
        directory = id;
      } else {
        directory = known;
      }
    }
  }
}

/** For messages: on one line, and short whatever a hostile torrent says. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
