import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTorrent, startTestDaemon, temporaryFolder, until } from "./support/test-daemon.ts";

/** A state folder with a torrent whose .torrent is cut off. */
async function withDamaged(name = "release") {
  const root = await temporaryFolder();
  const { client, daemon, dir, stateDir } = await startTestDaemon(root);
  const torrent = await makeTorrent(dir, name);
  const { infoHash } = torrent.metainfo;
  await client.add({ torrent: torrent.text });
  await daemon.stop();
  const path = join(stateDir, "torrents", `${infoHash}.torrent`);
  await writeFile(path, torrent.bytes.subarray(0, 100));
  return { root, torrent, infoHash, path };
}

describe("a torrent that cannot be started again", () => {
  it("is shown as failed, with why, and counted so", async () => {
    const { infoHash, path, root } = await withDamaged();
    const { ask, client, dir, token, url } = await startTestDaemon(root);
    const metadata = { received: 0, size: 0 };
    const failed = { infoHash, state: "failed", dir, metadata, error: expect.stringContaining(path) };
    expect((await client.status()).torrents).toMatchObject([failed]);
    expect(await ask("GET", "/v1/torrents")).toMatchObject({ status: 200, body: [failed] });
    expect(await ask("GET", `/v1/torrents/${infoHash}`)).toMatchObject({ status: 200, body: failed });
    expect(await ask("GET", `/v1/torrents/${infoHash}/files`)).toMatchObject({
      status: 404,
      body: { code: "CT_ERR_NO_TORRENT", message: expect.stringContaining("could not be started again") },
    });
    const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect(await metrics.text()).toContain('cachetorrent_peer_torrents{state="failed"} 1\n');
  });

  it("goes on by resume once what is wrong was mended, and not before", async () => {
    const { infoHash, path, root, torrent } = await withDamaged();
    const { client } = await startTestDaemon(root);
    await expect(client.resume(infoHash)).rejects.toThrow(path);
    expect(await client.pause(infoHash)).toMatchObject({ state: "failed" });
    await writeFile(path, torrent.bytes);
    expect(await client.resume(infoHash)).toMatchObject({ name: "release" });
    await until("it is checked", async () => (await client.status()).torrents[0]?.state === "seeding");
    expect((await client.status()).torrents).toHaveLength(1);
  });

  it("is paused where it was told to, when it can be used again", async () => {
    const { infoHash, path, root, torrent } = await withDamaged();
    const first = await startTestDaemon(root);
    await first.client.pause(infoHash);
    await first.daemon.stop();
    await writeFile(path, torrent.bytes);
    const second = await startTestDaemon(root);
    expect((await second.client.status()).torrents).toMatchObject([{ name: "release", state: "paused" }]);
  });

  it("is removed, but not with data of which nobody knows", async () => {
    const { infoHash, root } = await withDamaged();
    const { client, dir, stateDir } = await startTestDaemon(root);
    await expect(client.remove(infoHash, true)).rejects.toMatchObject({
      code: "CT_ERR_USAGE",
      message: expect.stringContaining(`which files in ${dir} are those of ${infoHash} is not known`),
    });
    expect((await client.status()).torrents).toMatchObject([{ infoHash, state: "failed" }]);
    expect(await client.remove(infoHash, false)).toEqual([]);
    expect((await client.status()).torrents).toEqual([]);
    expect(await readdir(join(stateDir, "torrents"))).toEqual([]);
    expect(await readdir(join(dir, "release"))).toEqual(["a.iso", "docs"]);
  });

  it("is one whose folder the daemon may not use any more", async () => {
    const [root, more] = [await temporaryFolder(), await temporaryFolder()];
    const first = await startTestDaemon(root, { "allow-dir": [more] });
    const { text } = await makeTorrent(more);
    await first.client.add({ torrent: text, dir: more });
    await first.daemon.stop();
    const second = await startTestDaemon(root);
    expect((await second.client.status()).torrents).toMatchObject([
      { state: "failed", dir: more, error: expect.stringContaining("--allow-dir") },
    ]);
    await second.daemon.stop();
    const third = await startTestDaemon(root, { "allow-dir": [more] });
    await until("it is back", async () => (await third.client.status()).torrents[0]?.state === "seeding");
  });

  it("stays in the list where it is added again, and that cannot be written down", async () => {
    const { infoHash, path, root, torrent } = await withDamaged();
    const first = await startTestDaemon(root);
    // In the place where the .torrent is written first.
    await mkdir(`${path}.tmp`);
    await expect(first.client.add({ torrent: torrent.text })).rejects.toThrow(path);
    await first.client.changeLimits({ up: 1000 });
    await first.daemon.stop();
    await rm(`${path}.tmp`, { recursive: true });
    await writeFile(path, torrent.bytes);
    const second = await startTestDaemon(root);
    expect((await second.client.status()).torrents).toMatchObject([{ infoHash, name: "release" }]);
  });
});
