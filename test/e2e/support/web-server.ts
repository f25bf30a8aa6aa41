import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import Fastify from "fastify";
import { onTestFinished } from "vitest";
import type { Certificate } from "./certificate.ts";

/** A line of the access log. */
export interface Access {
  /** Who asked. */
  readonly from: string;
  readonly status: number;
  /** Bytes of the body, as its head tells. */
  readonly bytes: number;
}

/** A Fastify server that gives the files below a folder, by ranges, and keeps an access log. */
export class FileServer {
  /** With a slash at its end. */
  readonly url: string;
  readonly log: Access[];
  /** How many of the bytes that are asked for from there are given, after which the answer hangs. Resolves when it may begin. */
  gives: (from: string, length: number) => Promise<number> = async (_, length) => length;
  /** To who asks from there it answers that it is out of service. */
  fails: (from: string) => boolean = () => false;

  private constructor(url: string, log: Access[]) {
    this.url = url;
    this.log = log;
  }

  /** By HTTPS with a certificate. */
  static async of(folder: string, certificate?: Certificate): Promise<FileServer> {
    const log: Access[] = [];
    // At the end somebody may still wait for an answer that hangs.
    const app = Fastify({ forceCloseConnections: true, https: certificate ?? null });
    const listening = Promise.withResolvers<FileServer>();
    app.addHook("onSend", async (request, reply) => {
      const bytes = Number(reply.getHeader("content-length") ?? 0);
      log.push({ from: request.ip, status: reply.statusCode, bytes });
    });
    app.get<{ Params: { "*": string } }>("/*", async (request, reply) => {
      const server = await listening.promise;
      if (server.fails(request.ip)) return reply.code(503).send();
      const path = join(folder, request.params["*"]);
      const { size } = await stat(path);
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      const [start, end] = first === undefined ? [0, size - 1] : [Number(first), Number(last)];
      if (end >= size) return reply.code(416).send();
      reply.code(first === undefined ? 200 : 206).header("content-length", end - start + 1);
      if (first !== undefined) reply.header("content-range", `bytes ${start}-${end}/${size}`);
      const length = end - start + 1;
      const given = await server.gives(request.ip, length);
      const part = { start, end: start + given - 1 };
      const file = given === 0 ? Readable.from([]) : createReadStream(path, part);
      const body = given === length ? file : file.pipe(new PassThrough(), { end: false });
      return reply.type("application/octet-stream").send(body);
    });
    onTestFinished(() => app.close());
    const server = new FileServer(`${await app.listen({ host: "127.0.0.1", port: 0 })}/`, log);
    listening.resolve(server);
    return server;
  }

  /** Bytes that were asked for by addresses that begin so. */
  bytesFor(prefix: string): number {
    return this.log.filter(({ from }) => from.startsWith(prefix)).reduce((sum, { bytes }) => sum + bytes, 0);
  }
}
