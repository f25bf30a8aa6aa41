import type { PeerConfig } from "@cachetorrent/peer";
import { CtError } from "@cachetorrent/protocol";

/** Throws CT_ERR_USAGE for options that do not go together. */
export function checkDaemonOptions(config: PeerConfig): void {
  const { daemon } = config;
  const isSet = (key: keyof PeerConfig) => {
    const value = config[key];
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
  };
  const refuse = (keys: readonly (keyof PeerConfig)[], why: string) => {
    const key = keys.find(isSet);
    if (key !== undefined) throw new CtError("CT_ERR_USAGE", `--${key} ${why}`);
  };
  if (daemon) {
    refuse(["exit-on-complete", "exit-on-stop"], "ends a peer, and one with --daemon waits for more");
    refuse(
      ["start-when"],
      "holds a peer back, and one with --daemon takes orders: `add --paused` holds a torrent back",
    );
    refuse(["files", "skip-files"], "is of one torrent: with --daemon give it to `add`");
  } else refuse(["control", "allow-dir"], "is for a peer with --daemon");
}
