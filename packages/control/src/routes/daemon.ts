import type { LimitChanges, PeerDaemon } from "@cachetorrent/peer";
import { formatEndpoint } from "@cachetorrent/protocol";
import type { FastifyInstance } from "fastify";
import { type LimitValues, limitChanges, limitValues } from "../limit-values.ts";
import * as schemas from "../schemas.ts";
import type { TorrentKeeper } from "../torrent-keeper.ts";
import { allViews, wholeView } from "../views.ts";

export interface DaemonRouteParts {
  readonly peer: PeerDaemon;
  readonly keeper: TorrentKeeper;
  readonly version: string;
  /** Limits over all torrents, or their schedule. */
  limitsChanged(): void;
}

/** Of the daemon as a whole. */
export function daemonRoutes(app: FastifyInstance, parts: DaemonRouteParts): void {
  const { keeper, peer, version } = parts;
  const described = (summary: string, answer: schemas.Answer) => ({
    schema: { summary, response: schemas.answers(answer) },
  });
  app.get("/v1/status", described("The daemon and its torrents", schemas.StatusAnswer), async () => ({
    version,
    peerId: peer.peerId,
    endpoint: formatEndpoint(peer.endpoint),
    connections: peer.status().connections,
    limits: limitValues(peer.limits),
    torrents: allViews(keeper, wholeView),
  }));
  app.get(
    "/v1/limits",
    described("Limits over all torrents, as they hold now", schemas.LimitsAnswer),
    async () => limitValues(peer.limits),
  );
  app.patch(
    "/v1/limits",
    {
      schema: {
        summary:
          "Change limits over all torrents; what is left out stays. Hours of the schedule go before them",
        body: schemas.LimitsAnswer,
        response: schemas.answers(schemas.LimitsAnswer),
      },
    },
    async (request) => {
      const changes: LimitChanges = limitChanges(request.body as LimitValues);
      await keeper.changeLimits(changes);
      parts.limitsChanged();
      return limitValues(peer.limits);
    },
  );
  app.get(
    "/v1/limits/schedule",
    described("The schedule of these limits", schemas.ScheduleBody),
    async () => ({ schedule: peer.schedule }),
  );
  app.put(
    "/v1/limits/schedule",
    {
      schema: {
        ...described("Replace the schedule of these limits; an empty one ends it", schemas.ScheduleBody)
          .schema,
        body: schemas.ScheduleBody,
      },
    },
    async (request) => {
      await keeper.changeSchedule((request.body as schemas.ScheduleBody).schedule);
      parts.limitsChanged();
      return { schedule: peer.schedule };
    },
  );
  app.get(
    "/v1/ledger",
    described("The accounts of this run, of torrents that are gone, too", schemas.Accounts),
    async () => peer.accounts,
  );
}
