import { CtError, type InfoHash, LIMITS } from "@cachetorrent/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { HttpError } from "../http-error.ts";
import type { GivenTorrent, GivenWishes } from "../kept-torrent.ts";
import { limitChanges } from "../limit-values.ts";
import * as schemas from "../schemas.ts";
import type { TorrentKeeper } from "../torrent-keeper.ts";
import { allViews, viewOf, wholeView } from "../views.ts";

const TORRENT = "application/x-bittorrent";

export function infoHashOf(request: FastifyRequest): InfoHash {
  return (request.params as { infoHash: InfoHash }).infoHash;
}

/** Take, drop, pause, go on, change. */
export function torrentRoutes(app: FastifyInstance, keeper: TorrentKeeper): void {
  const view = (infoHash: InfoHash) => viewOf(keeper, infoHash);
  const bodyLimit = LIMITS.control.torrentBodyBytes;
  app.addContentTypeParser(TORRENT, { parseAs: "buffer", bodyLimit }, (_request, body, done) =>
    done(null, body),
  );

  app.get("/v1/torrents", described("All torrents", schemas.TorrentAnswer, "list"), async () =>
    allViews(keeper, wholeView),
  );
  app.get("/v1/torrents/:infoHash", described("One torrent", schemas.TorrentAnswer), async (request) =>
    view(infoHashOf(request)),
  );
  app.post(
    "/v1/torrents",
    {
      bodyLimit,
      schema: {
        summary: `Take a torrent: as JSON, or the bytes of a .torrent as ${TORRENT} with options in the query`,
        body: {
          content: {
            "application/json": { schema: schemas.AddBody },
            [TORRENT]: { schema: {} },
          },
        },
        querystring: schemas.AddQuery,
        response: schemas.answers(schemas.TorrentAnswer, 201),
      },
    },
    async (request, reply) => {
      const { given, wishes } = orderOf(request);
      const { infoHash } = await keeper.add(given, wishes);
      return reply.code(201).header("location", `/v1/torrents/${infoHash}`).send(view(infoHash));
    },
  );
  app.delete(
    "/v1/torrents/:infoHash",
    {
      schema: {
        summary: "Drop a torrent; with deleteData=true its own files, too",
        params: schemas.TorrentParams,
        querystring: schemas.RemoveQuery,
        response: schemas.answers(schemas.RemovedAnswer),
      },
    },
    async (request) => {
      const { deleteData } = request.query as { deleteData?: string };
      return { kept: await keeper.remove(infoHashOf(request), { deleteData: deleteData === "true" }) };
    },
  );
  for (const verb of ["pause", "resume"] as const) {
    const summary = verb === "pause" ? "Leave the swarm until told to go on" : "Go on; also after a failure";
    app.post(`/v1/torrents/:infoHash/${verb}`, described(summary, schemas.TorrentAnswer), async (request) => {
      await keeper[verb](infoHashOf(request));
      return view(infoHashOf(request));
    });
  }
  app.patch(
    "/v1/torrents/:infoHash",
    {
      schema: {
        summary: "Change limits, and when it has been shared enough; what is left out stays, null lifts",
        params: schemas.TorrentParams,
        body: schemas.ChangeBody,
        response: schemas.answers(schemas.TorrentAnswer),
      },
    },
    async (request) => {
      const { limits, stopRule } = request.body as schemas.ChangeBody;
      const infoHash = infoHashOf(request);
      if (limits) await keeper.setLimits(infoHash, limitChanges(limits));
      if (stopRule) await keeper.setStopRule(infoHash, stopRule);
      return view(infoHash);
    },
  );

  function described(summary: string, answer: typeof schemas.TorrentAnswer, many?: "list") {
    const isOne = many === undefined;
    return {
      schema: {
        summary,
        ...(isOne ? { params: schemas.TorrentParams } : {}),
        response: schemas.answers(isOne ? answer : schemas.listOf(answer)),
      },
    };
  }
}

function orderOf(request: FastifyRequest): { readonly given: GivenTorrent; readonly wishes: GivenWishes } {
  const query = request.query as schemas.AddQuery;
  if (Buffer.isBuffer(request.body)) {
    const { dir, paused } = query;
    const wishes = { ...(dir === undefined ? {} : { dir }), isPaused: paused === "true" };
    return { given: { bytes: request.body }, wishes };
  }
  const { magnet, torrent, paused, sequential, limits, ...rest } = (request.body ?? {}) as schemas.AddBody;
  if ((magnet === undefined) === (torrent === undefined))
    throw usage(`body: give either magnet or torrent, or a .torrent as ${TORRENT}`);
  const wishes = {
    ...rest,
    ...(paused === undefined ? {} : { isPaused: paused }),
    ...(sequential === undefined ? {} : { isSequential: sequential }),
    ...(limits === undefined ? {} : { limits: limitChanges(limits) }),
  };
  if (magnet !== undefined) return { given: { magnet }, wishes };
  return { given: { bytes: bytesOf(torrent ?? "") }, wishes };
}

function bytesOf(base64: string): Uint8Array {
  // Buffer.from would take whatever comes, and leave out what is not base64.
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw usage("body/torrent is not base64");
  return Buffer.from(base64, "base64");
}

function usage(message: string): HttpError {
  return new HttpError(400, new CtError("CT_ERR_USAGE", message));
}
