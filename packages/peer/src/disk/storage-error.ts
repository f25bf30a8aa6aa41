import { CtError, type ErrorCode } from "@cachetorrent/protocol";

const MEANING: Readonly<Record<string, readonly [code: ErrorCode, fault: string]>> = {
  ENOSPC: ["CT_ERR_NO_SPACE", "no space is left on the disk"],
  EDQUOT: ["CT_ERR_NO_SPACE", "the disk quota is used up"],
  EACCES: ["CT_ERR_PERMISSION", "permission denied"],
  EPERM: ["CT_ERR_PERMISSION", "the operation is not permitted"],
  EROFS: ["CT_ERR_PERMISSION", "the file system is read-only"],
  EEXIST: ["CT_ERR_FILE_IN_THE_WAY", "a file is in the way"],
  ENOTDIR: ["CT_ERR_FILE_IN_THE_WAY", "a file is where a directory must be"],
  EISDIR: ["CT_ERR_FILE_IN_THE_WAY", "a directory is where a file must be"],
  ELOOP: ["CT_ERR_FILE_IN_THE_WAY", "a symbolic link is where a file must be"],
  ENOENT: ["CT_ERR_STORAGE", "there is no such file or directory"],
  EMFILE: ["CT_ERR_STORAGE", "too many files are open (ulimit -n)"],
  ENAMETOOLONG: ["CT_ERR_STORAGE", "the path is too long"],
  EFBIG: ["CT_ERR_STORAGE", "the file is too large for the file system"],
};

/** What the file system said about `path`, as the error a user sees. A CtError passes unchanged. */
export function storageError(error: unknown, path: string, doing: string): CtError {
  if (error instanceof CtError) return error;
  const [code, fault] = MEANING[errnoOf(error) ?? ""] ?? [
    "CT_ERR_STORAGE",
    error instanceof Error ? error.message : String(error),
  ];
  return new CtError(code, `${path}: ${doing}: ${fault}`, { cause: error });
}

/** `ENOENT` and the like, or undefined for what the file system did not say. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
