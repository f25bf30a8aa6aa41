import type { Selection } from "../selection/selection.ts";
import type { DirectIo } from "./direct-io.ts";
import type { LongerFiles } from "./file-in-place.ts";

export interface FileStorageOptions {
  /** Refused, unless said: who only wants to look may have them pass. */
  readonly longerFiles?: LongerFiles;
  /** Everything, unless said. */
  readonly selection?: Selection;
  /** The disk's, unless said. */
  readonly io?: DirectIo;
}
