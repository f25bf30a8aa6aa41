export { replaceFile, syncDirectory } from "./durable-file.ts";
