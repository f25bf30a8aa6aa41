import { access, constants, rm, writeFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { checkPieceLength, createTorrentFile, storageError } from "@cachetorrent/peer";
import { CtError, formatSize, parseSize, unwrap } from "@cachetorrent/protocol";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { isSystemError } from "../exit.ts";
import { requirePath } from "../input-file.ts";
import { printable } from "../printable.ts";
import { table } from "../table.ts";
import { TaskProgress } from "../task-progress.ts";
import { checkTrackerUrl, trackerUrlWarning } from "../tracker-address.ts";

interface CreateFlags {
  readonly tracker: readonly string[];
  readonly webSeed?: readonly string[];
  readonly output?: string;
  readonly pieceLength?: string;
  readonly private?: true;
  readonly comment?: string;
}

export function define(command: Command, context: Context): void {
  command
    .description("Make a .torrent of a file or a folder. The content itself is only read.")
    .usage("PATH --tracker URL [options]")
    .argument("<PATH>", "the file or folder to share")
    .requiredOption(
      "--tracker <URL>",
      "where peers find each other, such as http://198.18.0.1:6969/announce; give it again for more trackers",
      (url: string, before: string[] = []) => [...before, url],
    )
    .option(
      "--web-seed <URL>",
      "an HTTP server that has the content too (BEP 19): the folder that holds it, with a slash at the end; give it again for more",
      (url: string, before: string[] = []) => [...before, url],
    )
    .option("-o, --output <FILE>", "the .torrent to write (default: the content's name and .torrent)")
    .option("--piece-length <SIZE>", "a power of two such as 256KiB (default: chosen by the content's size)")
    .option("--private", "only for peers of these trackers: clients must not look elsewhere (BEP 27)")
    .option("--comment <TEXT>", "a remark to store in the .torrent")
    .addHelpText("after", EXAMPLES)
    .action((path: string) => create(path, command.opts<CreateFlags>(), context));
}

async function create(path: string, flags: CreateFlags, context: Context): Promise<void> {
  for (const url of flags.tracker) checkTrackerUrl(url);
  for (const url of flags.tracker) {
    const warning = trackerUrlWarning(url);
    if (warning !== undefined) context.stderr.write(`warning: --tracker ${printable(url)}: ${warning}\n`);
  }
  const pieceLength = flags.pieceLength === undefined ? undefined : readPieceLength(flags.pieceLength);
  await requirePath(path);
  const output = flags.output ?? `${basename(resolve(path))}.torrent`;
  await checkOutput(output);
  const progress = new TaskProgress(`hashing ${printable(path)}`, context.stderr);
  try {
    const created = await createTorrentFile({
      path,
      trackers: flags.tracker,
      webSeeds: flags.webSeed ?? [],
      ...(pieceLength === undefined ? {} : { pieceLength }),
      ...(flags.private ? { isPrivate: true } : {}),
      ...(flags.comment === undefined ? {} : { comment: flags.comment }),
      createdAt: new Date(),
      onProgress: (hashed, total) => progress.update(hashed, total),
    });
    await writeNewFile(output, created.bytes);
    progress.done();
    for (const name of created.leftOut) context.stderr.write(`left out: ${printable(name)}\n`);
    const { metainfo } = created;
    context.stdout.write(
      `${printable(output)}\n${table(
        [
          ["name", printable(metainfo.name)],
          ["info-hash", metainfo.infoHash],
          ["size", formatSize(metainfo.length)],
          ["pieces", `${metainfo.pieceCount} of ${formatSize(metainfo.pieceLength)}`],
        ],
        "  ",
      )}`,
    );
  } catch (error) {
    progress.done();
    throw error;
  }
}

function readPieceLength(text: string): number {
  const size = parseSize(text);
  if (!size.ok) throw new CtError("CT_ERR_USAGE", `--piece-length: ${size.error.message}`);
  return checkPieceLength(unwrap(size));
}

/** Before hours of hashing; the write itself checks again. */
async function checkOutput(path: string): Promise<void> {
  if (await exists(path)) throw inTheWay(path);
  const folder = dirname(path);
  try {
    await access(folder, constants.W_OK);
  } catch (error) {
    throw storageError(error, folder, "cannot write the torrent file there");
  }
}

/** Never over an existing file, and never half a file. */
async function writeNewFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes, { flag: "wx" });
  } catch (error) {
    if (isSystemError(error) && error.code === "EEXIST") throw inTheWay(path);
    // What we opened ourselves and could not fill, on a full disk for example.
    if (isSystemError(error) && error.syscall === "write") await rm(path, { force: true });
    throw storageError(error, path, "cannot write the torrent file");
  }
}

function inTheWay(path: string): CtError {
  return new CtError("CT_ERR_FILE_IN_THE_WAY", `${path} exists already; choose another name with -o`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const EXAMPLES = `
SIZE is bytes with a unit: 256KiB, 1MiB.

Examples:
  cachetorrent create ./release --tracker http://198.18.0.1:6969/announce
  cachetorrent create disk.img --tracker https://tracker.example/announce -o /srv/torrents/disk.torrent --private
  cachetorrent create ./release --tracker http://198.18.0.1:6969/announce --web-seed https://mirror.example/pub/`;
