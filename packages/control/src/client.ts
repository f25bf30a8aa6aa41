import type { FilePriority, PeerDetails, TrackerDetails } from "@cachetorrent/peer";
import { CtError, ERROR_CODES, type ErrorCode, type InfoHash } from "@cachetorrent/protocol";
import { isHeld } from "./daemon-lock.ts";
import { endpointPath } from "./endpoint-file.ts";
import { readEvents, type ServerEvent } from "./event-stream.ts";
import { checkControlEndpoint } from "./guard.ts";
import type { LimitValues } from "./limit-values.ts";
import { noAnswer, otherProgram } from "./no-daemon.ts";
import type { AddBody, ChangeBody, ScheduleBody } from "./schemas.ts";
import { readSmallFile } from "./small-file.ts";
import { readToken, tokenPath } from "./token.ts";
import type { FilesView, FileView, roleView, TorrentView } from "./views.ts";

/** How a daemon is found. Its state folder tells all; each of the others goes before it. */
export interface WhereDaemonIs {
  readonly stateDir: string | undefined;
  /** `HOST:PORT`. */
  readonly endpoint?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly token?: string | undefined;
}

export interface DaemonStatus {
  readonly version: string;
  readonly peerId: string;
  readonly endpoint: string;
  readonly connections: number;
  readonly limits: LimitValues;
  readonly torrents: readonly TorrentView[];
}

export type ControlEvent = ServerEvent;

/** Rejects with CT_ERR_CONTROL where no daemon, or no token for it, can be found. */
export async function connectToDaemon(where: WhereDaemonIs): Promise<ControlClient> {
  const { stateDir } = where;
  const endpoint = where.endpoint ?? (await endpointOf(stateDir));
  // Before the token goes there.
  checkControlEndpoint(endpoint);
  return new ControlClient(endpoint, await tokenOf(where));
}

const OF_A_DAEMON = "a daemon's is control.token in its state folder";

async function tokenOf({ stateDir, token, tokenFile }: WhereDaemonIs): Promise<string> {
  if (token !== undefined) return token;
  const file = tokenFile ?? (stateDir === undefined ? undefined : tokenPath(stateDir));
  const found = file && (await readToken(file, tokenFile === undefined ? undefined : OF_A_DAEMON));
  if (found) return found;
  throw new CtError(
    "CT_ERR_CONTROL",
    tokenFile === undefined
      ? `${file ?? "a state folder"} has no token: is a daemon of yours running? --state names its folder`
      : `${tokenFile}: there is no such file; ${OF_A_DAEMON}`,
  );
}

/** Where the daemon takes orders that has the state folder now: whoever listens there since it is gone must not get the token. */
async function endpointOf(stateDir: string | undefined): Promise<string> {
  const isThere = stateDir !== undefined && (await isHeld(stateDir));
  const written = isThere ? await readSmallFile(endpointPath(stateDir), 1024) : undefined;
  if (written) return written.toString("utf8").trim();
  throw new CtError(
    "CT_ERR_CONTROL",
    stateDir === undefined
      ? "where is the daemon? Name its state folder by --state, or its address by --control"
      : `no daemon runs with the state folder ${stateDir}: cachetorrent peer --daemon starts one; --state names another folder`,
  );
}

/** Orders for a daemon. What it refuses rejects with the code and message that it tells, and CT_ERR_CONTROL when it cannot be asked. */
export class ControlClient {
  readonly #endpoint: string;
  readonly #token: string;

  constructor(endpoint: string, token: string) {
    this.#endpoint = endpoint;
    this.#token = token;
  }

  async status(): Promise<DaemonStatus> {
    const status = await this.#ask<Partial<DaemonStatus> | null>("GET", "/v1/status");
    // Others speak JSON, too.
    if (!Array.isArray(status?.torrents)) throw otherProgram(this.#endpoint, "no status of a daemon");
    return status as DaemonStatus;
  }

  add(order: AddBody): Promise<TorrentView> {
    return this.#ask("POST", "/v1/torrents", order);
  }

  /** Resolves with the files that stayed although they were to be deleted. */
  async remove(infoHash: InfoHash, deleteData: boolean): Promise<readonly string[]> {
    const query = deleteData ? "?deleteData=true" : "";
    const { kept } = await this.#ask<{ kept: string[] }>("DELETE", `/v1/torrents/${infoHash}${query}`);
    return kept;
  }

  pause(infoHash: InfoHash): Promise<TorrentView> {
    return this.#ask("POST", `/v1/torrents/${infoHash}/pause`);
  }

  resume(infoHash: InfoHash): Promise<TorrentView> {
    return this.#ask("POST", `/v1/torrents/${infoHash}/resume`);
  }

  change(infoHash: InfoHash, changes: ChangeBody): Promise<TorrentView> {
    return this.#ask("PATCH", `/v1/torrents/${infoHash}`, changes);
  }

  changeLimits(changes: LimitValues): Promise<LimitValues> {
    return this.#ask("PATCH", "/v1/limits", changes);
  }

  async schedule(): Promise<readonly string[]> {
    return (await this.#ask<ScheduleBody>("GET", "/v1/limits/schedule")).schedule;
  }

  /** Replaces the schedule of limits over all torrents. */
  async setSchedule(entries: readonly string[]): Promise<readonly string[]> {
    return (await this.#ask<ScheduleBody>("PUT", "/v1/limits/schedule", { schedule: entries })).schedule;
  }

  async files(infoHash: InfoHash): Promise<readonly FileView[]> {
    return (await this.#ask<FilesView>("GET", `/v1/torrents/${infoHash}/files`)).files;
  }

  setFiles(infoHash: InfoHash, priorities: ReadonlyMap<number, FilePriority>): Promise<FilesView> {
    const body = { priorities: Object.fromEntries(priorities) };
    return this.#ask("PATCH", `/v1/torrents/${infoHash}/files`, body);
  }

  async peers(infoHash: InfoHash): Promise<readonly PeerDetails[]> {
    return (await this.#ask<{ peers: PeerDetails[] }>("GET", `/v1/torrents/${infoHash}/peers`)).peers;
  }

  async trackers(infoHash: InfoHash): Promise<readonly TrackerDetails[]> {
    const path = `/v1/torrents/${infoHash}/trackers`;
    return (await this.#ask<{ trackers: TrackerDetails[] }>("GET", path)).trackers;
  }

  roles(infoHash: InfoHash): Promise<ReturnType<typeof roleView>> {
    return this.#ask("GET", `/v1/torrents/${infoHash}/roles`);
  }

  /** What happens from now on, until the daemon stops. */
  async *events(): AsyncGenerator<ControlEvent> {
    const answer = await this.#fetch("GET", "/v1/events");
    if (!answer.ok || !answer.body) throw await this.#refusalOf(answer);
    yield* readEvents(answer.body);
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await this.#fetch(method, path, body);
    if (!answer.ok) throw await this.#refusalOf(answer);
    try {
      return (await answer.json()) as T;
    } catch (error) {
      throw otherProgram(this.#endpoint, "what is not JSON", error);
    }
  }

  async #refusalOf(answer: Response): Promise<CtError> {
    const { code, message } = jsonOf(await answer.text());
    return ERROR_CODES.includes(code as ErrorCode)
      ? new CtError(code as ErrorCode, String(message))
      : otherProgram(this.#endpoint, `HTTP ${answer.status}`);
  }

  async #fetch(method: string, path: string, body?: object): Promise<Response> {
    try {
      return await fetch(`http://${this.#endpoint}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body ? { "content-type": "application/json" } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
        redirect: "error",
      });
    } catch (error) {
      throw noAnswer(this.#endpoint, error);
    }
  }
}

function jsonOf(text: string): { readonly code?: unknown; readonly message?: unknown } {
  try {
    return JSON.parse(text) as object;
  } catch {
    return {}; // whoever it is, it is told of by its status
  }
}
