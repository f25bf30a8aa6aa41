import { Agent } from "node:http";
import { connect } from "node:net";
import { formatEndpoint } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { announceTo, poll, request, startTestTracker, untilPolls } from "./daemon.ts";
import { announceQuery, endpoints, leaderNames, portOf } from "./support.ts";

describe("a listening tracker", () => {
  test("picks a port for 0, and sees peers at the addresses they come from", async () => {
    const tracker = await startTestTracker();
    expect(tracker.endpoint.port).toBeGreaterThan(0);
    await announceTo(tracker, "a", { from: "127.1.0.1" });
    const b = await announceTo(tracker, "b", { from: "127.2.0.1", member: {} });
    expect(endpoints(b)).toEqual([`127.1.0.1:${portOf("a")}`]);
    expect(b.peers[0]?.asn).toBe(1);
    expect(b.ct?.asn).toBe(2);
  });

  test("serves IPv6", async () => {
    const tracker = await startTestTracker({ listen: "[::1]:0" });
    await announceTo(tracker, "a", { member: {} });
    const b = await announceTo(tracker, "b", { member: {} });
    expect(b.peers).toEqual([{ endpoint: { address: "::1", port: portOf("a") }, asn: 6 }]);
    const { body } = await request(tracker, `/announce?${announceQuery("c")}`);
    expect(body.toString("latin1")).toContain("5:peers0:6:peers636:");
  });

  test("at :: it sees IPv4 clients at their IPv4 addresses", async () => {
    const tracker = await startTestTracker({ listen: "[::]:0" });
    const overIPv4 = { ...tracker, endpoint: { ...tracker.endpoint, address: "127.0.0.1" as never } };
    const overIPv6 = { ...tracker, endpoint: { ...tracker.endpoint, address: "::1" as never } };
    await announceTo(overIPv4, "a", { from: "127.1.0.1" });
    const b = await announceTo(overIPv6, "b", { member: {} });
    expect(endpoints(b)).toEqual([`127.1.0.1:${portOf("a")}`]);
    expect(b.peers[0]?.asn).toBe(1);
  });

  test("keeps connections open for the next announce", async () => {
    const tracker = await startTestTracker();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = [];
    for (const name of ["a", "b", "c"]) {
      ports.push((await request(tracker, `/announce?${announceQuery(name)}`, { agent })).localPort);
    }
    agent.destroy();
    expect(new Set(ports).size).toBe(1);
  });

  test("names the port that is taken", async () => {
    const tracker = await startTestTracker();
    const listen = formatEndpoint(tracker.endpoint);
    await expect(startTestTracker({ listen })).rejects.toThrow(
      expect.objectContaining({ code: "CT_ERR_PORT_TAKEN", message: `listen: ${listen} is taken` }),
    );
  });

  test("names an address that is not this machine's", async () => {
    await expect(startTestTracker({ listen: "203.0.113.1:0" })).rejects.toThrow(
      /no address 203\.0\.113\.1:0/,
    );
  });

  test("pushes new leaders over an open connection", async () => {
    const tracker = await startTestTracker();
    await announceTo(tracker, "leader", { from: "127.1.0.1", member: { capacity: { up: 9, down: 9 } } });
    await announceTo(tracker, "next", { from: "127.1.0.2", member: { capacity: { up: 5, down: 5 } } });
    const { ct } = await announceTo(tracker, "watcher", { from: "127.1.0.3", member: {} });
    const pushed = poll(tracker, "watcher", ct?.leaders?.term ?? 0, { from: "127.1.0.3" });
    await untilPolls(tracker, 1);
    await announceTo(tracker, "leader", { from: "127.1.0.1", event: "stopped" });
    expect(leaderNames(await pushed)).toEqual(["next"]);
  });

  test("forgets the long poll of a client that hangs up", async () => {
    const tracker = await startTestTracker();
    await announceTo(tracker, "a", { from: "127.1.0.1", member: { capacity: { up: 9, down: 9 } } });
    const hangUp = new AbortController();
    const polling = poll(tracker, "a", Number.MAX_SAFE_INTEGER, { from: "127.1.0.1", signal: hangUp.signal });
    await untilPolls(tracker, 1);
    hangUp.abort();
    await expect(polling).rejects.toThrow();
    await untilPolls(tracker, 0);
  });

  test("answers open polls when it stops, and stops in spite of connections kept alive or half used", async () => {
    const tracker = await startTestTracker();
    await announceTo(tracker, "a", { from: "127.1.0.1", member: { capacity: { up: 9, down: 9 } } });
    const agent = new Agent({ keepAlive: true });
    const polling = poll(tracker, "a", Number.MAX_SAFE_INTEGER, { from: "127.1.0.1", agent });
    await untilPolls(tracker, 1);
    const halfUsed = connect(tracker.endpoint.port, "127.0.0.1");
    halfUsed.on("error", () => halfUsed.destroy());
    const closed = new Promise((resolve) => halfUsed.once("close", resolve));
    halfUsed.write("GET /announce HTTP/1.1\r\nHost: ");
    await Promise.all([tracker.stop(), tracker.stop()]);
    expect(leaderNames(await polling)).toEqual(["a"]);
    await closed;
    agent.destroy();
  });
});
