import { CtError } from "@cachetorrent/protocol";

/** @throws CtError CT_ERR_USAGE for what no client could ask. */
export function checkTrackerUrl(url: string): void {
  const protocol = URL.parse(url)?.protocol ?? "";
  if (!["http:", "https:", "udp:"].includes(protocol)) {
    throw new CtError(
      "CT_ERR_USAGE",
      `--tracker: not a tracker's address such as http://198.18.0.1:6969/announce: ${url}`,
    );
  }
}

/** Why this address, though allowed, is likely not what was meant. */
export function trackerUrlWarning(url: string): string | undefined {
  const { port, protocol, pathname } = new URL(url);
  // Over UDP the path is an option (BEP 41), and no port is the usual one (BEP 15).
  if (protocol === "udp:") return port === "" ? "a tracker over UDP is asked at a port" : undefined;
  // BEP 48's rule, which lets `/announce.php` pass too; where it fails, leaders cannot be asked for either.
  const segments = pathname.split("/");
  // Some private trackers put the token last.
  if (segments.slice(-2).some((segment) => segment.startsWith("announce"))) return undefined;
  return "the path of a tracker's address ends in /announce as a rule, and this one does not";
}
