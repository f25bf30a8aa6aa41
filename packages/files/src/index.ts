export { replaceFile, syncDirectory } from "./durable-file.ts";
export { isThere, makeDirectory, makePrivateDirectory } from "./make-directory.ts";
export { pooled } from "./pooled.ts";
