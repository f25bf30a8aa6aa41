export { replaceFile, syncDirectory } from "./durable-file.ts";
export { pooled } from "./pooled.ts";
export { makePrivateDirectory } from "./private-directory.ts";
