import { trackerPlugin } from "@cachetorrent/tracker";
import Fastify from "fastify";
import { describe, expect, test } from "vitest";
import { announceQuery, endpoints, id, portOf, SWARM, TestTracker } from "./support.ts";

describe("the tracker in somebody else's app", () => {
  const mounted = () =>
    new TestTracker({ quorum: 1 }, (options) => {
      const app = Fastify();
      app.get("/", async () => "the owner's page");
      app.setErrorHandler((_error, _request, reply) => reply.code(418).send("the owner's error"));
      app.get("/broken", async () => {
        throw new Error("broken");
      });
      app.register(trackerPlugin, { ...options, prefix: "/torrents" });
      return app;
    });

  test("answers under its prefix, where leaders, scrape and locate replace the last path segment", async () => {
    const tracker = mounted();
    const path = "/torrents/announce";
    await tracker.announce("a", { path, from: "198.18.1.1", member: { capacity: { up: 5, down: 5 } } });
    const answer = await tracker.announce("b", { path, from: "198.18.2.1" });
    expect(endpoints(answer)).toEqual([`198.18.1.1:${portOf("a")}`]);
    const query = `info_hash=%${SWARM.match(/../g)?.join("%")}&peer_id=${Buffer.from(id("a"), "hex")}`;
    expect((await tracker.get(`/torrents/leaders?${query}&term=0`)).payload).toContain("7:leadersld");
    expect((await tracker.get(`/torrents/scrape?${query}`)).payload).toContain("d5:filesd20:");
    expect((await tracker.get(`/torrents/locate?${query}&ep=c61201011b59`)).payload).toContain("5:known1:");
    expect((await tracker.get("/torrents/stats.json")).json()).toMatchObject({ peers: 2 });
  });

  test("leaves the owner's routes and errors alone", async () => {
    const tracker = mounted();
    expect((await tracker.get("/")).payload).toBe("the owner's page");
    expect((await tracker.get("/broken")).statusCode).toBe(418);
    expect((await tracker.get(`/announce?${announceQuery("a")}`)).statusCode).toBe(404);
    expect((await tracker.get("/metrics")).statusCode).toBe(404);
  });

  test("two of them in one app know nothing of each other", async () => {
    const tracker = new TestTracker({}, (options) => {
      const app = Fastify();
      app.register(trackerPlugin, { ...options, prefix: "/one" });
      app.register(trackerPlugin, { ...options, prefix: "/two" });
      return app;
    });
    await tracker.announce("a", { path: "/one/announce" });
    expect((await tracker.announce("b", { path: "/two/announce", from: "198.18.1.2" })).peers).toEqual([]);
    expect((await tracker.announce("b", { path: "/one/announce", from: "198.18.1.2" })).peers).toHaveLength(
      1,
    );
  });
});
