import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** The library, loaded when it is first asked for: a daemon without a configuration file need not wait for it. */
export function yaml(): typeof import("yaml") {
  return require("yaml");
}
