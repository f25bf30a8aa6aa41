import { CtError } from "@cachetorrent/protocol";
import { shownUrl } from "../outbound/shown-url.ts";
import type { Tracker } from "./tracker.ts";
import { TrackerClient } from "./tracker-client.ts";
import { UdpTrackerClient, type UdpTrackerClientOptions } from "./udp-tracker-client.ts";

/** Throws CT_ERR_TRACKER for a URL that is malformed or of a scheme that we do not speak. */
export function trackerOf(options: UdpTrackerClientOptions): Tracker {
  switch (URL.parse(options.announceUrl)?.protocol) {
    case "http:":
    case "https:":
      return new TrackerClient(options);
    case "udp:":
      return new UdpTrackerClient(options);
    default:
      throw new CtError(
        "CT_ERR_TRACKER",
        `tracker ${shownUrl(options.announceUrl)} is not reached by HTTP, HTTPS or UDP`,
      );
  }
}
