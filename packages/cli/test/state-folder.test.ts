import { expect, it } from "vitest";
import { usualStateFolder } from "../src/state-folder.ts";

it.each<[Record<string, string>, string | undefined]>([
  [{ HOME: "/home/ann" }, "/home/ann/.local/state/cachetorrent"],
  [{ HOME: "/home/ann", XDG_STATE_HOME: "/var/ann" }, "/var/ann/cachetorrent"],
  [{ HOME: "/home/ann", XDG_STATE_HOME: "" }, "/home/ann/.local/state/cachetorrent"],
  [{ HOME: "/home/ann", XDG_STATE_HOME: "relative" }, "/home/ann/.local/state/cachetorrent"],
  [{ XDG_STATE_HOME: "/var/ann" }, "/var/ann/cachetorrent"],
  [{ HOME: "" }, undefined],
  [{}, undefined],
])("with %o what a peer remembers goes to %s", (env, folder) => {
  expect(usualStateFolder(env)).toBe(folder);
});
