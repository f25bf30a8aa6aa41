import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
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

const HINT =
  "; a daemon tells its address when it starts, and in control.endpoint in its state folder, which --state DIR names";

/** A program of another kind on a free port of this machine. */
async function otherProgram(serve: (socket: Socket) => void): Promise<string> {
  const other = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void other.close());
  return `127.0.0.1:${(other.address() as AddressInfo).port}`;
}

const answers = (text: string) => (socket: Socket) => void socket.once("data", () => socket.end(text));

it.each<[string, (socket: Socket) => void, string]>([
  [
    "speaks first, as ssh",
    (socket) => void socket.write("SSH-2.0-x\r\n"),
    "no daemon answers at HERE: what listens there does not speak HTTP",
  ],
  [
    "answers otherwise",
    answers("\u0015\u0003\u0001"),
    "no daemon answers at HERE: what listens there does not speak HTTP",
  ],
  [
    "hangs up, as a peer",
    (socket) => void socket.once("data", () => socket.end()),
    "no daemon answers at HERE: what listens there closed the connection without an answer",
  ],
  [
    "redirects",
    answers("HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n"),
    "no daemon answers at HERE: what listens there redirects",
  ],
  [
    "has other pages",
    answers("HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n<html>"),
    "what answers at HERE is another program than a daemon: it sent HTTP 404",
  ],
  [
    "has a page for everything",
    answers("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>"),
    "what answers at HERE is another program than a daemon: it sent what is not JSON",
  ],
  [
    "speaks JSON",
    answers("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"),
    "what answers at HERE is another program than a daemon: it sent no status of a daemon",
  ],
])("a program that is no daemon and %s is told of, and how to find the daemon", async (_, serve, message) => {
  const endpoint = await otherProgram(serve);
  const client = await connectToDaemon({ stateDir: undefined, endpoint, token: "x".repeat(20) });
  await expect(client.status()).rejects.toMatchObject({
    code: "CT_ERR_CONTROL",
    message: message.replace("HERE", endpoint) + HINT,
  });
});

it("the port of another protocol, which is never asked, is told of", async () => {
  const client = await connectToDaemon({
    stateDir: undefined,
    endpoint: "127.0.0.1:22",
    token: "x".repeat(20),
  });
  await expect(client.status()).rejects.toMatchObject({
    code: "CT_ERR_CONTROL",
    message: `no daemon answers at 127.0.0.1:22: this port is known as that of another protocol than HTTP${HINT}`,
  });
});

it("the port of the daemon's own peer is told of, and so is one at which nobody listens", async () => {
  const { daemon, stateDir } = await startTestDaemon(await temporaryFolder());
  const endpoint = formatEndpoint(daemon.peer.endpoint);
  const client = await connectToDaemon({ stateDir, endpoint });
  await expect(client.status()).rejects.toThrow(/: what listens there [^;]*; a daemon tells its address/);
  await daemon.stop();
  await expect(client.status()).rejects.toThrow(/: connect ECONNREFUSED [^;]*; a daemon tells its address/);
});
