import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DaemonGroup } from "../src/daemon-group.ts";
import type { DaemonProcess } from "../src/daemon-process.ts";

const LISTENING = `console.log(JSON.stringify({event: "listening", endpoint: "127.0.0.1:1"}));`;
const STAYS = "setInterval(() => {}, 1000);";
const STUBBORN = `process.on("SIGTERM", () => console.log("no"));`;

let dir: string;
let group: DaemonGroup;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "daemon-process-"));
  group = new DaemonGroup();
});

afterEach(async () => {
  await group.stopAll();
  await rm(dir, { recursive: true });
});

function run(script: string): Promise<DaemonProcess> {
  return group.start({
    name: "peer 2.1",
    command: process.execPath,
    args: ["-e", script],
    logFile: join(dir, "peer.log"),
    clock: systemClock,
  });
}

describe("a daemon as a process of its own", () => {
  it("is waited for by the events it prints", async () => {
    const daemon = await run(`${LISTENING}${STAYS}`);
    const event = await daemon.waitFor("listening");
    expect(event.endpoint).toBe("127.0.0.1:1");
    // A wait that comes after the event finds it too.
    expect(await daemon.waitFor("listening")).toBe(event);
    expect(daemon.events).toEqual([event]);
  });

  it("is waited for by a property of the event, past those that lack it", async () => {
    const daemon = await run(
      `for (const n of [1, 2, 3]) console.log(JSON.stringify({event: "progress", n}));${STAYS}`,
    );
    const event = await daemon.waitFor("progress", { accepts: (one) => Number(one.n) > 2 });
    expect(event.n).toBe(3);
  });

  it("is waited for by a plain line", async () => {
    const daemon = await run(`console.log("{ not json"); console.log("listening on http://x:80/");${STAYS}`);
    expect((await daemon.waitForLine(/http:\/\/(\S+)/))[1]).toBe("x:80/");
    expect(daemon.events).toEqual([]);
  });

  it("fails a wait at once when it ends before, and says how, what it said last and where its log is", async () => {
    const daemon = await run(`console.error("cannot bind 127.0.0.1:1"); process.exitCode = 2;`);
    const waiting = daemon.waitFor("listening");
    await expect(waiting).rejects.toThrow(/peer 2\.1: ended with code 2 before event "listening"/);
    await expect(waiting).rejects.toThrow(/cannot bind 127\.0\.0\.1:1/);
    await expect(waiting).rejects.toThrow(join(dir, "peer.log"));
    await expect(daemon.waitFor("listening")).rejects.toThrow(/ended with code 2/);
  });

  it("fails a wait at its time-out", async () => {
    const daemon = await run(STAYS);
    await expect(daemon.waitFor("listening", { timeoutMs: 20 })).rejects.toThrow(
      /no event "listening" within 0.02 s/,
    );
  });

  it("ends by SIGTERM", async () => {
    const daemon = await run(`${LISTENING}${STAYS}`);
    await daemon.waitFor("listening");
    expect(await daemon.stop()).toEqual({ code: null, signal: "SIGTERM" });
    expect(daemon.isRunning).toBe(false);
    expect(group.running).toEqual([]);
  });

  it("is killed when it does not end by SIGTERM", async () => {
    const daemon = await run(`${STUBBORN}${LISTENING}${STAYS}`);
    await daemon.waitFor("listening");
    expect(await daemon.stop(50)).toEqual({ code: null, signal: "SIGKILL" });
  });

  it("has all it printed, to both streams, in its log", async () => {
    const daemon = await run(`console.log("one"); console.error("two"); process.stdout.write("no newline");`);
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    const log = await readFile(daemon.logFile, "utf8");
    expect(log.split("\n").toSorted()).toEqual(["", "no newline", "one", "two"]);
  });

  it("that cannot be started says so by its name", async () => {
    const starting = group.start({
      name: "tracker",
      command: join(dir, "nothing"),
      args: [],
      logFile: join(dir, "tracker.log"),
      clock: systemClock,
    });
    await expect(starting).rejects.toThrow(/cannot start tracker .*nothing.*ENOENT/);
    expect(group.running).toEqual([]);
  });
});

describe("a group of daemons", () => {
  it("ends all of them, the stubborn ones too, and starts no more", async () => {
    const daemons = await Promise.all([run(`${LISTENING}${STAYS}`), run(`${STUBBORN}${LISTENING}${STAYS}`)]);
    await Promise.all(daemons.map((daemon) => daemon.waitFor("listening")));
    group.killAll();
    const exits = await Promise.all(daemons.map((daemon) => daemon.exited));
    expect(exits.map((exit) => exit.signal)).toEqual(["SIGKILL", "SIGKILL"]);
    await expect(run(STAYS)).rejects.toThrow(/the run was ended/);
  });

  it("tells of one that crashed, and not of one that was ended", async () => {
    const killed = await run(`${LISTENING}${STAYS}`);
    await killed.waitFor("listening");
    killed.kill("SIGKILL");
    await killed.exited;
    group.throwIfCrashed();
    const crashing = await run(`console.log("so far"); process.kill(process.pid, "SIGSEGV");`);
    await crashing.exited;
    expect(() => group.throwIfCrashed()).toThrow(/was ended by SIGSEGV\n(.*\n)*.*so far/);
  });
});
