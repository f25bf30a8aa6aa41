import { resolve } from "node:path";
import { CtError } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { DamagedFiles } from "./damaged-files.ts";
import type { FileStorage } from "./file-storage.ts";
import { folderAbove } from "./folder-above.ts";
import type { StillVerified } from "./still-verified.ts";

export interface CheckLogParts {
  readonly metainfo: Metainfo;
  readonly dir: string;
  readonly log: Logger;
  readonly holdsIfGone?: boolean | undefined;
}

/** What the operator is told of a torrent's files when they are checked. */
export class CheckLog {
  readonly #parts: CheckLogParts;

  constructor(parts: CheckLogParts) {
    this.#parts = parts;
  }

  /** Throws CT_ERR_STORAGE where all are gone and a torrent is to hold then. */
  gone({ areAllGone, gone }: StillVerified): void {
    const { holdsIfGone = false, log, metainfo } = this.#parts;
    const folder = this.#folder;
    if (areAllGone && holdsIfGone) {
      throw new CtError(
        "CT_ERR_STORAGE",
        `${folder}: all files of the torrent are gone; is a disk not mounted? Resume it once they are back, or remove it, and add it again to download it anew`,
      );
    }
    if (gone.length === 0) return;
    log.warn(
      { event: "gone", path: folder, files: gone.length },
      `${folder}: ${areAllGone ? "all" : gone.length} of the files of ${metainfo.name} are gone that were verified there; what is missing is downloaded anew`,
    );
  }

  /** Of a torrent of which nothing was found. */
  async misplaced(): Promise<void> {
    const { dir, log, metainfo } = this.#parts;
    const above = await folderAbove(metainfo, dir);
    if (above === undefined) return;
    const { name } = metainfo;
    log.warn(
      { event: "misplaced", path: this.#folder },
      `${this.#folder} has files of ${name} itself, and they are looked for in the folder ${name} in it: --dir ${above} names the folder that it is in`,
    );
  }

  /** What this download wrote itself needs no word: a kill may have torn it. */
  damaged(storage: FileStorage, damaged: DamagedFiles): void {
    for (const [file, pieces] of damaged) {
      if (storage.hasBegun(file)) continue;
      const path = storage.pathOf(file);
      this.#parts.log.warn(
        { event: "damaged", path, pieces },
        `rewriting ${pieces} damaged ${pieces === 1 ? "piece" : "pieces"} of ${path}`,
      );
    }
  }

  get #folder(): string {
    return resolve(this.#parts.dir);
  }
}
