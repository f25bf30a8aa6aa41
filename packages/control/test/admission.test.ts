import { chmod, chown, mkdir, stat } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tokenPath } from "../src/token.ts";
import { startTestDaemon, type TestDaemon, temporaryFolder } from "./support/test-daemon.ts";

/** With headers that fetch does not let one choose. */
function askAs(
  { daemon, token }: TestDaemon,
  headers: Readonly<Record<string, string>>,
  path = "/v1/torrents",
): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const { address: host, port } = daemon.control;
    const asked = request({ host, port, path, headers: { authorization: `Bearer ${token}`, ...headers } });
    asked.on("error", reject);
    asked.on("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      answer.on("end", () => resolve({ status: answer.statusCode, text }));
    });
    asked.end();
  });
}

describe("the control interface lets in", () => {
  it("who has the token, by each name of this machine alone", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    for (const host of ["localhost:6880", "LOCALHOST", "127.0.0.1:9", "127.9.9.9", "[::1]:80"]) {
      expect(await askAs(daemon, { host }), host).toEqual({ status: 200, text: "[]" });
    }
  });

  it("nobody without the token, or with another", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    for (const authorization of [
      "",
      "Bearer",
      `Bearer ${daemon.token}0`,
      `Basic ${daemon.token}`,
      "Bearer 0",
    ]) {
      const { status, text } = await askAs(daemon, { authorization });
      expect(status, authorization).toBe(401);
      expect(JSON.parse(text)).toMatchObject({ code: "CT_ERR_CONTROL" });
    }
    expect(await askAs(daemon, { authorization: "" }, "/metrics")).toMatchObject({ status: 401 });
    expect(await askAs(daemon, { authorization: "" }, "/v1/nothing")).toMatchObject({ status: 401 });
  });

  it("no browser that was sent by a web page, whatever it knows", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    for (const host of [
      "evil.example",
      "127.0.0.1.evil.example:6880",
      "localhost.evil.example",
      "10.0.0.7",
    ]) {
      const { status, text } = await askAs(daemon, { host });
      expect(status, host).toBe(403);
      expect(text).toContain("is no name of this machine alone");
    }
    const origins = { "http://evil.example": 403, null: 403, "http://localhost:6880": 200 };
    for (const [origin, status] of Object.entries(origins)) {
      expect(await askAs(daemon, { host: "localhost:6880", origin }), origin).toMatchObject({ status });
    }
  });

  it("anybody to the description and the health, which tell of no torrent", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const nobody = { authorization: "" };
    expect(await askAs(daemon, nobody, "/healthz")).toEqual({ status: 200, text: '{"status":"ok"}' });
    const { text } = await askAs(daemon, nobody, "/openapi.json");
    const described = JSON.parse(text) as { openapi: string; paths: object };
    expect(described.openapi).toMatch(/^3\./);
    expect(Object.keys(described.paths)).toEqual(
      expect.arrayContaining(["/v1/torrents", "/v1/torrents/{infoHash}/files", "/v1/events", "/v1/limits"]),
    );
    expect(await askAs(daemon, { ...nobody, host: "evil.example" }, "/healthz")).toMatchObject({
      status: 403,
    });
  });
});

it("the token is made once, and only its owner can read it", async () => {
  const root = await temporaryFolder();
  const first = await startTestDaemon(root);
  expect((await stat(tokenPath(first.stateDir))).mode & 0o777).toBe(0o600);
  expect(first.token).toMatch(/^[0-9a-f]{64}$/);
  await first.daemon.stop();
  const second = await startTestDaemon(root);
  expect(second.token).toBe(first.token);
});

it("a daemon takes no orders from other machines", async () => {
  for (const control of ["0.0.0.0:6880", "198.18.0.1:6880", "[::]:0"]) {
    await expect(startTestDaemon(await temporaryFolder(), { control })).rejects.toMatchObject({
      code: "CT_ERR_USAGE",
      message: expect.stringContaining(control),
    });
  }
});

describe("a state folder", () => {
  it.each(["0777", "0770", "0722", "1777"])("of mode %s is refused, with what mends it", async (text) => {
    const mode = Number.parseInt(text, 8);
    const root = await temporaryFolder();
    const stateDir = join(root, "state");
    await mkdir(stateDir);
    await chmod(stateDir, mode);
    const mended = (mode & ~0o022).toString(8).padStart(4, "0");
    await expect(startTestDaemon(root)).rejects.toMatchObject({
      code: "CT_ERR_STATE",
      message: expect.stringMatching(new RegExp(`chmod ${mended} ${stateDir}$`)),
    });
    await chmod(stateDir, mode & ~0o022);
    await startTestDaemon(root);
  });

  it("of another user is refused", async (context) => {
    const root = await temporaryFolder();
    const stateDir = join(root, "state");
    await mkdir(stateDir, { mode: 0o700 });
    const isDone = await chown(stateDir, 4711, 4711).then(
      () => true,
      () => false,
    );
    if (!isDone) return context.skip("giving a folder away needs root");
    await expect(startTestDaemon(root)).rejects.toThrow(/state belongs to another user \(uid 4711/);
  });

  it("with a token that others may read is refused", async () => {
    const root = await temporaryFolder();
    const { daemon, stateDir } = await startTestDaemon(root);
    await daemon.stop();
    await chmod(tokenPath(stateDir), 0o640);
    await expect(startTestDaemon(root)).rejects.toThrow(`chmod 0600 ${tokenPath(stateDir)}`);
  });
});
