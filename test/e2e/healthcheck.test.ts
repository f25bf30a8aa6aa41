import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  createTorrent,
  type DaemonProcess,
  startPeerProcess,
  startTrackerProcess,
  type TrackerProcess,
} from "@cachetorrent/testbed";
import { describe, expect, it, onTestFinished } from "vitest";
import { AS1, makeContent, useBench } from "./support/e2e.ts";

/** What the Docker image runs now and then to tell whether its daemon is healthy. */
const HEALTHCHECK = fileURLToPath(new URL("../../docker/image/healthcheck", import.meta.url));
/** So many that one of them is listed before the daemon's own. */
const STRANGERS = 20;

const bench = useBench("healthcheck");

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);

/** What the check says of a container that has these processes, and the network of this machine. */
async function check(...daemons: DaemonProcess[]): Promise<{ exitCode: unknown; said: string }> {
  const proc = await mkdtemp(join(bench().dir, "proc-"));
  await symlink("/proc/net", join(proc, "net"));
  for (const { pid } of daemons) await symlink(`/proc/${pid}`, join(proc, String(pid)));
  return new Promise((resolve) => {
    execFile(HEALTHCHECK, { env: { ...process.env, PROC: proc } }, (error, stdout, stderr) =>
      resolve({ exitCode: error ? error.code : 0, said: stdout + stderr }),
    );
  });
}

const healthy = { exitCode: 0, said: "" };

function startTracker(listen = "127.0.0.1:0"): Promise<TrackerProcess> {
  return startTrackerProcess(bench().launcher, { listen, ases: [AS1] });
}

/** Other programs of the machine, which say nothing to whoever connects; gives how many did. */
async function strangers(): Promise<() => number> {
  let connections = 0;
  for (let i = 0; i < STRANGERS; i++) {
    const server = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
  }
  return () => connections;
}

describe("the image's health check", () => {
  it("asks the tracker and none of the other programs that listen on the machine", async () => {
    const asked = await strangers();
    const { daemon } = await startTracker();
    expect(await check(daemon)).toEqual(healthy);
    expect(asked()).toBe(0);
  });

  it("finds nothing to ask where no daemon runs, whoever else listens", async () => {
    const asked = await strangers();
    expect(await check()).toEqual({ exitCode: 1, said: "no daemon listens here\n" });
    expect(asked()).toBe(0);
  });

  it("does not take a tracker for healthy that accepts connections and gives no answer", async () => {
    const { daemon } = await startTracker();
    daemon.kill("SIGSTOP");
    try {
      expect(await check(daemon)).toMatchObject({
        exitCode: 1,
        said: expect.stringMatching(/^the tracker does not answer at its port \d+\n$/),
      });
    } finally {
      daemon.kill("SIGCONT");
    }
  });

  it.skipIf(!hasIpv6).each(["[::1]:0", "[::]:0"])(
    `asks a tracker that listens over IPv6 alone, at %s${hasIpv6 ? "" : " (left out: there is no ::1)"}`,
    async (listen) => {
      const { daemon } = await startTracker(listen);
      expect(await check(daemon)).toEqual(healthy);
    },
  );

  it("connects to a peer at its own address", async () => {
    const { announceUrl } = await startTracker();
    const content = await makeContent(bench(), { bytes: 100 * 1024 });
    const torrentFile = join(bench().dir, "content.torrent");
    await createTorrent(content, announceUrl, torrentFile);
    const { daemon } = await startPeerProcess(bench().launcher, {
      name: "seed",
      torrentFiles: [torrentFile],
      dir: content.parent,
      listen: "127.1.0.1:0",
      ledgerFile: join(bench().dir, "seed.json"),
    });
    expect(await check(daemon)).toEqual(healthy);
  });
});
