export { replaceFile, syncDirectory } from "./durable-file.ts";
export { makeDirectory, makePrivateDirectory } from "./make-directory.ts";
export { pooled } from "./pooled.ts";
