import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FileStorage, folderAbove, loadMetainfo, verifyOnDisk } from "@cachetorrent/peer";
import { type Command, Option } from "commander";
import type { Context } from "../context.ts";
import { counted } from "../counted.ts";
import { EXIT } from "../exit.ts";
import { type FileCondition, fileConditions } from "../file-condition.ts";
import { requireFolder, requireTorrentFile } from "../input-file.ts";
import { printable } from "../printable.ts";
import { percent } from "../report/progress-line.ts";
import { table } from "../table.ts";
import { TaskProgress } from "../task-progress.ts";

interface VerifyFlags {
  readonly dir: string;
  readonly json?: true;
}

export function define(command: Command, context: Context): void {
  command
    .description(
      "Check content on disk against a .torrent, piece by piece. Nothing is written. Exit code 0: complete, 1: not.",
    )
    .usage("FILE [options]")
    .argument("<FILE>", "the .torrent")
    .addOption(new Option("--dir <DIR>", "where the content is, as for peer --dir").default(".", "."))
    .option("--json", "the result as one JSON object")
    .addHelpText("after", EXAMPLES)
    .action(async (file: string) => {
      context.finish(await verify(file, command.opts<VerifyFlags>(), context));
    });
}

async function verify(path: string, flags: VerifyFlags, context: Context): Promise<number> {
  await requireTorrentFile(path);
  await requireFolder("--dir", flags.dir);
  const metainfo = await loadMetainfo(path);
  const storage = await FileStorage.open(metainfo, flags.dir, { longerFiles: "pass" });
  const progress = new TaskProgress(`checking ${printable(metainfo.name)}`, context.stderr);
  try {
    const verified = await verifyOnDisk(metainfo, storage, {
      onProgress: (checked) => progress.update(checked, metainfo.pieceCount),
    });
    const files = await fileConditions(metainfo, verified, (file) =>
      sizeOnDisk(join(flags.dir, ...file.path)),
    );
    progress.done();
    const complete = verified.isFull && files.every((file) => file.state === "complete");
    const result = {
      complete,
      infoHash: metainfo.infoHash,
      name: metainfo.name,
      pieces: metainfo.pieceCount,
      validPieces: verified.size,
      files,
    };
    context.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : resultText(result));
    const above = verified.size === 0 ? await folderAbove(metainfo, flags.dir) : undefined;
    if (above !== undefined) {
      const [dir, name, up] = [flags.dir, metainfo.name, above].map(printable);
      context.stderr.write(
        `--dir ${dir} is the content's own folder, ${name}; name the one that it is in: --dir ${up}\n`,
      );
    }
    return complete ? EXIT.done : EXIT.failed;
  } finally {
    progress.done();
    await storage.close();
  }
}

function resultText(result: {
  complete: boolean;
  name: string;
  pieces: number;
  validPieces: number;
  files: readonly FileCondition[];
}): string {
  const name = printable(result.name);
  if (result.complete) return `${name}: complete, ${counted(result.pieces, "piece")}\n`;
  const share = percent(result.pieces === 0 ? 1 : result.validPieces / result.pieces);
  const rows = result.files
    .filter((file) => file.state !== "complete")
    .map((file): [string, string] => [
      file.state,
      `${printable(file.path)} (${file.pieces === 0 ? "an empty file" : `${file.validPieces} of ${counted(file.pieces, "piece")}`})`,
    ]);
  return `${name}: incomplete, ${result.validPieces} of ${counted(result.pieces, "piece")} (${share})\n${table(rows, "  ")}`;
}

async function sizeOnDisk(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

const EXAMPLES = `
Example:
  cachetorrent verify release.torrent --dir /srv/downloads`;
