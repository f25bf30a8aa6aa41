import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { pipeline } from "node:stream";
import { systemClock } from "@cachetorrent/clock";

// A program: serves the files of the folder DIR at 127.0.0.1:PORT, by ranges, where there is no nginx. Prints when each request came.

const [dir = ".", port = "0"] = process.argv.slice(2);

const server = createServer(async (request, response) => {
  process.stdout.write(`${JSON.stringify({ event: "request", at: systemClock.now() })}\n`);
  const file = join(dir, basename(request.url ?? ""));
  const size = await stat(file).then(
    (found) => found.size,
    () => undefined,
  );
  if (size === undefined) return void response.writeHead(404).end();
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  const [start, end] = [Number(first ?? 0), Math.min(Number(last ?? size - 1), size - 1)];
  response.writeHead(first === undefined ? 200 : 206, {
    "content-length": end - start + 1,
    ...(first === undefined ? {} : { "content-range": `bytes ${start}-${end}/${size}` }),
  });
  // Who asked may have enough before the end.
  pipeline(createReadStream(file, { start, end, highWaterMark: 2 ** 20 }), response, () => undefined);
});

process.on("SIGTERM", () => process.exit());
server.listen(Number(port), "127.0.0.1", () => process.stdout.write(`{"event":"listening"}\n`));
