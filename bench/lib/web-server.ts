import { execFile } from "node:child_process";
import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type DaemonProcess, freePort } from "@cachetorrent/testbed";
import type { Stage } from "./bench.ts";
import { pause } from "./waiting.ts";

/** An HTTP server of the files of a folder, a process of its own. */
export interface WebServer {
  /** Of the folder, with a slash at its end. */
  readonly url: string;
  /** When the first of its requests came, ms since 1970. */
  firstRequestAt(): Promise<number>;
  stop(): Promise<void>;
}

const CEILING_MS = 20_000;
const PROGRAM = fileURLToPath(new URL("file-server.ts", import.meta.url));

/** `nginx/1.22.1`, or undefined where there is none. */
export async function nginxVersion(): Promise<string | undefined> {
  try {
    const { stderr } = await promisify(execFile)("nginx", ["-v"]);
    return stderr.trim().replace("nginx version: ", "");
  } catch {
    return undefined;
  }
}

/** nginx, or where it is not installed Node's own server. Resolves when it can be asked. */
export async function startWebServer(stage: Stage, folder: string, isNginx: boolean): Promise<WebServer> {
  const port = await freePort("127.0.0.1");
  const start = isNginx ? startNginx : startNode;
  const { daemon, firstRequestAt } = await start(stage, folder, port);
  return {
    url: `http://127.0.0.1:${port}/`,
    firstRequestAt: () => until(stage, "the server has told of no request", firstRequestAt),
    stop: async () => void (await daemon.stop()),
  };
}

interface Started {
  readonly daemon: DaemonProcess;
  /** Undefined until it has told of one. */
  firstRequestAt(): Promise<number | undefined>;
}

async function startNode(stage: Stage, folder: string, port: number): Promise<Started> {
  const daemon = await stage.start("file server", process.execPath, [PROGRAM, folder, String(port)]);
  await daemon.waitFor("listening", { timeoutMs: CEILING_MS });
  const firstRequestAt = async () => {
    const first = daemon.events.find(({ event }) => event === "request");
    return first && Number(first.at);
  };
  return { daemon, firstRequestAt };
}

async function startNginx(stage: Stage, folder: string, port: number): Promise<Started> {
  const dir = join(stage.dir, `nginx-${port}`);
  await mkdir(dir);
  const [pid, log, config] = ["pid", "access.log", "nginx.conf"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(dir, name)};`,
  );
  await writeFile(
    config,
    // One process, which ends with the bench and may read what the bench may.
    `daemon off;
     master_process off;
     pid ${pid};
     error_log ${join(dir, "error.log")};
     events {}
     http {
       log_format lines '$msec $request_time';
       access_log ${log} lines;
       sendfile on;
       ${temporary.join(" ")}
       server { listen 127.0.0.1:${port}; location / { root ${folder}; } }
     }`,
  );
  const daemon = await stage.start("nginx", "nginx", ["-c", config, "-e", join(dir, "error.log")]);
  // It writes its process id when its sockets are open.
  await until(stage, "nginx does not start", async () => {
    if (!daemon.isRunning) throw daemon.failure("has ended");
    return access(pid).then(
      () => true,
      () => undefined,
    );
  });
  const firstRequestAt = async () => {
    // A line is written when a request is over: with when that was, and for how long it went on, in seconds.
    const lines = (await readFile(log, "utf8")).split("\n").filter((line) => line !== "");
    const begun = lines.map((line) => {
      const [at = Number.NaN, took = Number.NaN] = line.split(" ").map(Number);
      return 1000 * (at - took);
    });
    return begun.length === 0 ? undefined : Math.min(...begun);
  };
  return { daemon, firstRequestAt };
}

async function until<T>({ clock }: Stage, why: string, ask: () => Promise<T | undefined>): Promise<T> {
  const last = clock.now() + CEILING_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (clock.now() > last) throw new Error(why);
    await pause(clock, 20);
  }
}
