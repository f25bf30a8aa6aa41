import { isAbsolute, join } from "node:path";

/**
 * Where programs keep what they remember between two runs, by the XDG Base Directory Specification, which has relative
 * paths ignored. Undefined for a user without a home.
 */
export function usualStateFolder(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { HOME = "", XDG_STATE_HOME = "" } = env;
  if (isAbsolute(XDG_STATE_HOME)) return join(XDG_STATE_HOME, "cachetorrent");
  return isAbsolute(HOME) ? join(HOME, ".local", "state", "cachetorrent") : undefined;
}
