import type { SessionServices } from "../torrent-options.ts";
import { Announcer, type AnnouncerOptions } from "./announcer.ts";

type OfSession = "clock" | "localAddress" | "onFailure" | "peerId" | "port" | "random";

/** An announcer of one of a session's torrents. */
export function sessionAnnouncer(
  { clock, listening, peerId, random }: SessionServices,
  options: Omit<AnnouncerOptions, OfSession>,
): Announcer {
  return new Announcer({
    ...options,
    peerId,
    port: () => listening.port,
    localAddress: listening.address,
    clock,
    random,
    onFailure: (error, retryInMs) =>
      options.log.warn(
        { event: "tracker", retryInMs: Math.round(retryInMs) },
        `${error.message}; next try in ${Math.round(retryInMs / 1000)} s`,
      ),
  });
}
