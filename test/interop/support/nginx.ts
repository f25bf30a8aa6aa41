import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { vi } from "vitest";
import type { Family, Host } from "./lab.ts";

/** A line of nginx's access log. */
export interface Access {
  readonly from: string;
  readonly status: number;
  readonly bytes: number;
  /** Relative to the folder that it serves. */
  readonly file: string;
  /** The range that was asked for, first and last byte; undefined for the whole file. */
  readonly range: readonly [first: number, last: number] | undefined;
}

export interface Nginx {
  /** Of the folder that it serves, with a slash at its end. */
  readonly url: string;
  log(): Promise<Access[]>;
}

/** Starts a stock nginx on the host that serves the folder, each request at `rate` bytes/s at most; resolves when it listens. */
export async function startNginx(
  host: Host,
  folder: string,
  { family = "ipv4", rate = 0 }: { readonly family?: Family; readonly rate?: number } = {},
): Promise<Nginx> {
  const address = family === "ipv4" ? host.ipv4 : `[${host.ipv6}]`;
  const dir = path.join(host.dir, "nginx");
  await mkdir(dir);
  const [pid, log, config] = ["pid", "access.log", "nginx.conf"].map((name) => path.join(dir, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(
    config,
    `user root;
     worker_processes 1;
     pid ${pid};
     error_log ${path.join(dir, "error.log")};
     events {}
     http {
       log_format lines escape=none '$remote_addr $status $body_bytes_sent $http_range $uri';
       access_log ${log} lines;
       client_body_temp_path ${dir}/body;
       proxy_temp_path ${dir}/proxy;
       fastcgi_temp_path ${dir}/fastcgi;
       uwsgi_temp_path ${dir}/uwsgi;
       scgi_temp_path ${dir}/scgi;
       server { listen ${address}:80; location / { root "${folder}"; limit_rate ${rate}; } }
     }`,
  );
  await host.run("nginx", ["-c", config, "-g", "daemon off;"]);
  // It writes its process id when its sockets are open.
  await vi.waitFor(() => access(pid), { timeout: 20_000, interval: 50 });
  return {
    url: `http://${address}/`,
    log: async () =>
      (await readFile(log, "utf8"))
        .trimEnd()
        .split("\n")
        .map((line) => {
          const [from = "", status, bytes, asked = "", ...path] = line.split(" ");
          const range = /^bytes=(\d+)-(\d+)$/.exec(asked);
          return {
            from,
            status: Number(status),
            bytes: Number(bytes),
            file: path.join(" ").slice(1),
            range: range ? ([Number(range[1]), Number(range[2])] as const) : undefined,
          };
        }),
  };
}
