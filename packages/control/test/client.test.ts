import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { formatEndpoint } from "@cachetorrent/protocol";
import { expect, it, onTestFinished } from "vitest";
import { connectToDaemon } from "../src/client.ts";
import { tokenPath } from "../src/token.ts";
import { startTestDaemon, temporaryFolder } from "./support/test-daemon.ts";

it("a daemon is found by its state folder, or by its address and a token", async () => {
  const { daemon, stateDir, token } = await startTestDaemon(await temporaryFolder());
  const endpoint = formatEndpoint(daemon.control);
  for (const where of [
    { stateDir },
    { stateDir: undefined, endpoint, token },
    { stateDir: undefined, endpoint, tokenFile: tokenPath(stateDir) },
  ]) {
    expect((await (await connectToDaemon(where)).status()).peerId).toBe(daemon.peer.peerId);
  }
});

it("a wrong token is told of as one", async () => {
  const { daemon } = await startTestDaemon(await temporaryFolder());
  const endpoint = formatEndpoint(daemon.control);
  const client = await connectToDaemon({ stateDir: undefined, endpoint, token: "0".repeat(64) });
  await expect(client.status()).rejects.toMatchObject({
    code: "CT_ERR_CONTROL",
    message: "this is not the token of this daemon",
  });
});

it("who listens where a daemon was that is gone does not get its token", async () => {
  const { daemon, stateDir, token } = await startTestDaemon(await temporaryFolder());
  await daemon.stop();
  const asked: unknown[] = [];
  const squatter = createServer((request, answer) => {
    asked.push(request.headers);
    answer.end("{}");
  });
  await new Promise<void>((resolve) => squatter.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void squatter.close());
  const { port } = squatter.address() as AddressInfo;
  await writeFile(join(stateDir, "control.endpoint"), `127.0.0.1:${port}\n`);
  await writeFile(join(stateDir, "daemon.lock"), "999999999 1 boot\n");
  await expect(connectToDaemon({ stateDir })).rejects.toMatchObject({
    code: "CT_ERR_CONTROL",
    message: expect.stringContaining(`no daemon runs with the state folder ${stateDir}`),
  });
  // Nor does any that is not on this machine.
  const endpoint = "198.18.0.1:6880";
  await expect(connectToDaemon({ stateDir, endpoint, token })).rejects.toMatchObject({
    code: "CT_ERR_USAGE",
  });
  expect(asked).toEqual([]);
});

it("what answers and is no daemon is told of", async () => {
  const other = createServer((_request, answer) => {
    answer.statusCode = 404;
    answer.end("<html>not here</html>");
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void other.close());
  const endpoint = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  const client = await connectToDaemon({ stateDir: undefined, endpoint, token: "x".repeat(20) });
  await expect(client.status()).rejects.toMatchObject({
    code: "CT_ERR_CONTROL",
    message: "what answers is no daemon of ours: HTTP 404",
  });
});
