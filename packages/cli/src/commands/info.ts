import { loadMetainfo, type Metainfo } from "@cachetorrent/peer";
import { formatSize } from "@cachetorrent/protocol";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { requireTorrentFile } from "../input-file.ts";
import { printable } from "../printable.ts";
import { table } from "../table.ts";

export function define(command: Command, context: Context): void {
  command
    .description("Show what a .torrent describes, and whether it is sound.")
    .usage("FILE [options]")
    .argument("<FILE>", "the .torrent")
    .option("--json", "as one JSON object")
    .addHelpText("after", EXAMPLES)
    .action(async (file: string) => {
      await requireTorrentFile(file);
      const metainfo = await loadMetainfo(file);
      const { json } = command.opts<{ json?: true }>();
      context.stdout.write(json ? `${JSON.stringify(infoJson(metainfo))}\n` : infoText(metainfo));
    });
}

function infoJson(metainfo: Metainfo): object {
  return {
    infoHash: metainfo.infoHash,
    name: metainfo.name,
    length: metainfo.length,
    pieceLength: metainfo.pieceLength,
    pieceCount: metainfo.pieceCount,
    private: metainfo.isPrivate,
    hybrid: metainfo.isHybrid,
    trackers: metainfo.trackers,
    webSeeds: metainfo.webSeeds,
    files: contentFiles(metainfo).map(({ path, length }) => ({ path: path.join("/"), length })),
    comment: metainfo.comment,
    createdBy: metainfo.createdBy,
    createdAt: metainfo.createdAt?.toISOString(),
  };
}

function infoText(metainfo: Metainfo): string {
  const files = contentFiles(metainfo);
  const rows: [string, string][] = [
    ["name", printable(metainfo.name)],
    ["info-hash", metainfo.infoHash],
    ["size", `${formatSize(metainfo.length)} (${metainfo.length} bytes)`],
    ["pieces", `${metainfo.pieceCount} of ${formatSize(metainfo.pieceLength)}`],
    ["private", metainfo.isPrivate ? "yes" : "no"],
    ["hybrid", metainfo.isHybrid ? "yes: its v1 part is used" : "no"],
  ];
  if (metainfo.trackers.length === 0) rows.push(["trackers", "none"]);
  metainfo.trackers.forEach((tier, i) => {
    rows.push([i === 0 ? "trackers" : "", tier.map(printable).join(", ")]);
  });
  metainfo.webSeeds.forEach((url, i) => {
    rows.push([i === 0 ? "web seeds" : "", printable(url)]);
  });
  if (metainfo.comment) rows.push(["comment", printable(metainfo.comment)]);
  if (metainfo.createdBy) rows.push(["created by", printable(metainfo.createdBy)]);
  if (metainfo.createdAt) rows.push(["created", metainfo.createdAt.toISOString()]);
  rows.push(["files", String(files.length)]);
  const fileRows = files.map((file): [string, string] => [
    formatSize(file.length).padStart(10),
    printable(file.path.join("/")),
  ]);
  return table(rows) + table(fileRows, "  ");
}

/** Without BEP 47 padding, which never reaches a disk. */
function contentFiles(metainfo: Metainfo) {
  return metainfo.files.filter((file) => !file.pad);
}

const EXAMPLES = `
Example:
  cachetorrent info release.torrent`;
