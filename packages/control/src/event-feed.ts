import type { ServerResponse } from "node:http";
import type { Clock, Timer } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import type { TorrentView } from "./views.ts";

export interface EventFeedParts {
  readonly clock: Clock;
  connections(): number;
  torrents(): readonly TorrentView[];
}

const { eventStreams, progressMs, unsentBytes } = LIMITS.control;

/**
 * Server-sent events for whoever watches: what happens at once, and once a second `progress`, with those torrents of which something has changed
 * since the watcher last heard of them. Nothing is repeated: who comes back gets all torrents anew.
 */
export class EventFeed {
  readonly #parts: EventFeedParts;
  readonly #watchers = new Map<ServerResponse, Map<string, string>>();
  #timer: Timer | undefined;
  #id = 0;

  constructor(parts: EventFeedParts) {
    this.#parts = parts;
  }

  get isFull(): boolean {
    return this.#watchers.size >= eventStreams;
  }

  /** Takes the answer over, whose headers are still to be sent. */
  add(response: ServerResponse): void {
    // Who has gone meanwhile is never heard of again, and would keep a place.
    if (response.destroyed) return;
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // Proxies keep an answer back until it is whole.
      "x-accel-buffering": "no",
    });
    response.write("retry: 2000\n\n");
    this.#watchers.set(response, new Map());
    response.on("close", () => this.#drop(response));
    this.#timer ??= this.#parts.clock.every(progressMs, () => this.#progress());
    this.#tellProgress(response, this.#snapshot());
  }

  /** Tells all who watch. */
  tell(event: string, data: object): void {
    const text = this.#textOf(event, data);
    for (const response of this.#watchers.keys()) this.#write(response, text);
  }

  /** Ends all streams; the server would wait for them. */
  stop(): void {
    for (const response of this.#watchers.keys()) {
      response.end();
      this.#drop(response);
    }
  }

  #progress(): void {
    const snapshot = this.#snapshot();
    for (const response of this.#watchers.keys()) this.#tellProgress(response, snapshot);
  }

  #snapshot(): Map<string, string> {
    return new Map(this.#parts.torrents().map((torrent) => [torrent.infoHash, JSON.stringify(torrent)]));
  }

  #tellProgress(response: ServerResponse, snapshot: ReadonlyMap<string, string>): void {
    const told = this.#watchers.get(response);
    if (!told) return;
    const changed: string[] = [];
    for (const [infoHash, text] of snapshot) {
      if (told.get(infoHash) !== text) changed.push(text);
      told.set(infoHash, text);
    }
    for (const infoHash of told.keys()) if (!snapshot.has(infoHash)) told.delete(infoHash);
    // Also where nothing has: that we are there is news to who waits.
    const data = `{"connections":${this.#parts.connections()},"torrents":[${changed.join(",")}]}`;
    this.#write(response, this.#frame("progress", data));
  }

  #textOf(event: string, data: object): string {
    return this.#frame(event, JSON.stringify({ ...data, at: Math.round(this.#parts.clock.now()) }));
  }

  #frame(event: string, data: string): string {
    return `id: ${++this.#id}\nevent: ${event}\ndata: ${data}\n\n`;
  }

  /** Who does not read would fill our memory. */
  #write(response: ServerResponse, text: string): void {
    if (response.writableLength > unsentBytes) response.destroy();
    else response.write(text);
  }

  #drop(response: ServerResponse): void {
    this.#watchers.delete(response);
    if (this.#watchers.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
