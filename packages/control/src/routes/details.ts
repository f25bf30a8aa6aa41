import type { PeerDaemon } from "@cachetorrent/peer";
import { CtError } from "@cachetorrent/protocol";
import type { FastifyInstance } from "fastify";
import type { TSchema } from "typebox";
import * as schemas from "../schemas.ts";
import type { TorrentKeeper } from "../torrent-keeper.ts";
import { accountsOf, filesView, roleView } from "../views.ts";
import { infoHashOf } from "./torrents.ts";

/** Of one torrent: its files, the peers it is connected with, its trackers, its role, its accounts. */
export function detailRoutes(app: FastifyInstance, keeper: TorrentKeeper, peer: PeerDaemon): void {
  const described = (summary: string, answer: TSchema) => ({
    schema: { summary, params: schemas.TorrentParams, response: schemas.answers(answer) },
  });
  app.get("/v1/torrents/:infoHash/files", described("Its files", schemas.FilesAnswer), async (request) =>
    filesView(keeper.get(infoHashOf(request))),
  );
  app.patch(
    "/v1/torrents/:infoHash/files",
    {
      schema: {
        ...described("Change how much files are wanted", schemas.FilesAnswer).schema,
        body: schemas.PrioritiesBody,
      },
    },
    async (request) => {
      const { priorities } = request.body as schemas.PrioritiesBody;
      const entries = Object.entries(priorities).map(
        ([index, priority]) => [indexOf(index), priority] as const,
      );
      await keeper.setFiles(infoHashOf(request), new Map(entries));
      return filesView(keeper.get(infoHashOf(request)));
    },
  );
  app.get(
    "/v1/torrents/:infoHash/peers",
    described("Connected peers", schemas.PeersAnswer),
    async (request) => ({
      peers: keeper.get(infoHashOf(request)).inSwarm.peers(),
    }),
  );
  app.get(
    "/v1/torrents/:infoHash/trackers",
    described("Its trackers, in the order in which they are tried", schemas.TrackersAnswer),
    async (request) => ({ trackers: keeper.get(infoHashOf(request)).inSwarm.trackers() }),
  );
  app.get(
    "/v1/torrents/:infoHash/roles",
    described("What it is in its swarm", schemas.RolesAnswer),
    async (request) => {
      const torrent = keeper.get(infoHashOf(request));
      return roleView(torrent, accountsOf(peer.accounts, torrent.infoHash));
    },
  );
  app.get("/v1/torrents/:infoHash/ledger", described("Its accounts", schemas.Accounts), async (request) => {
    const { infoHash } = keeper.get(infoHashOf(request));
    const accounts = accountsOf(peer.accounts, infoHash);
    if (!accounts) throw new CtError("CT_ERR_NO_TORRENT", `there are no accounts of ${infoHash} yet`);
    return accounts;
  });
}

function indexOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new CtError("CT_ERR_USAGE", `body/priorities: ${JSON.stringify(text)} is no index of a file`);
}
