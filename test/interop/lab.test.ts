import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DaemonProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BorderMeter } from "./support/border-meter.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { type Host, Lab } from "./support/lab.ts";

/** Tells each caller the address it is seen from. */
const MIRROR = `
  require("node:http").createServer((request, response) => response.end(request.socket.remoteAddress))
    .listen(8000, "::", () => console.log("listening"));`;

/** Prints what the mirror says, or the error's code. */
const LOOK = `
  fetch(process.argv[1], { signal: AbortSignal.timeout(2000) })
    .then((answer) => answer.text()).then((text) => console.log("seen", text))
    .catch((error) => console.log("failed", error.cause?.code ?? error.name));`;

describeInLab("the lab", ["nft"], () => {
  let lab: Lab;
  let open: Host;
  beforeAll(async () => {
    lab = await Lab.open();
    open = await lab.addHost("open", 1);
    await mirror(open);
  });
  afterAll(() => lab.close());

  async function mirror(host: Host): Promise<DaemonProcess> {
    const server = await host.run(process.execPath, ["-e", MIRROR]);
    await server.waitForLine(/^listening$/);
    return server;
  }

  test("hosts of two sites see each other's own address, in both families", async () => {
    const other = await lab.addHost("other", 2);
    expect(await look(other, open.ipv4)).toBe(`seen ::ffff:${other.ipv4}`);
    expect(await look(other, `[${open.ipv6}]`)).toBe(`seen ${other.ipv6}`);
  });

  test("hidden hosts show their gateway's address, reach each other, and cannot be reached", async () => {
    const { gateway, hosts } = await lab.addHiddenHosts(["left", "right"], 9);
    const [left, right] = hosts as [Host, Host];
    await mirror(right);
    expect(await look(left, open.ipv4)).toBe(`seen ::ffff:${gateway.ipv4}`);
    expect(await look(right, open.ipv4)).toBe(`seen ::ffff:${gateway.ipv4}`);
    expect(await look(left, right.ipv4)).toBe(`seen ::ffff:${left.ipv4}`);
    expect(await look(open, right.ipv4)).toMatch(/^failed/);
  });

  test("hosts behind a border show their own address, in both families, and all their traffic crosses it", async () => {
    const { border, hosts } = await lab.addBorderedHosts(["inner"], 3);
    const [inner] = hosts as [Host];
    await mirror(inner);
    const meter = await BorderMeter.install(border, []);
    expect(await look(inner, open.ipv4)).toBe(`seen ::ffff:${inner.ipv4}`);
    expect(await look(open, inner.ipv4)).toBe(`seen ::ffff:${open.ipv4}`);
    expect(await look(inner, `[${open.ipv6}]`)).toBe(`seen ${inner.ipv6}`);
    expect(await look(open, `[${inner.ipv6}]`)).toBe(`seen ${open.ipv6}`);
    expect((await meter.read()).connections).toBe(4);
  });

  test("what a dead run left behind is gone when the next one opens", async () => {
    const dead = spawnSync("true").pid;
    const left = `ctlab${dead}-1-left`;
    execFileSync("ip", ["netns", "add", left]);
    const dir = mkdtempSync(path.join(tmpdir(), `ctlab${dead}-`));
    const next = await Lab.open();
    await next.close();
    expect(existsSync(`/run/netns/${left}`)).toBe(false);
    expect(existsSync(dir)).toBe(false);
  });

  test("a closed lab leaves neither processes nor namespaces nor files", async () => {
    const brief = await Lab.open();
    const host = await brief.addHost("brief", 1);
    const running = await mirror(host);
    await brief.close();
    expect(existsSync(`/run/netns/${host.namespace}`)).toBe(false);
    expect(existsSync(brief.dir)).toBe(false);
    expect(running.isRunning).toBe(false);
  });

  test("a lab in which a process crashed says so, by its name and last words, when it is closed", async () => {
    const brief = await Lab.open();
    const host = await brief.addHost("brief", 1);
    const crashing = await host.run("sh", ["-c", "echo so far; kill -SEGV $$"]);
    await crashing.exited;
    await expect(brief.close()).rejects.toThrow(/^sh on brief: was ended by SIGSEGV\n(.*\n)*.*so far/);
    expect(existsSync(brief.dir)).toBe(false);
  });
});

async function look(from: Host, at: string): Promise<string> {
  const looking = await from.run(process.execPath, ["-e", LOOK, `http://${at}:8000/`]);
  return (await looking.waitForLine(/^(seen|failed) .*/))[0];
}
