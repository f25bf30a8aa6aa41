import type { LookupFunction } from "node:net";
import { systemClock } from "@cachetorrent/clock";
import { type Address, type CtError, encodeLeadersAnswer } from "@cachetorrent/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { TrackerClient } from "../src/announcing/tracker-client.ts";
import { AddressGuard } from "../src/outbound/address-guard.ts";
import { announceRequest, ctOf, infoHash, peerId, silent } from "./support/samples.ts";
import { ScriptedTracker } from "./support/scripted-tracker.ts";

/** 127.9.0.0/16 stands for the internet, the rest of 127.0.0.0/8 is local. */
const isLocal = (address: Address) => !address.startsWith("127.9.");

function clientOf(announceUrl: string, lookup?: LookupFunction): TrackerClient {
  const guard = new AddressGuard({ isLocal, ...(lookup ? { lookup } : {}) });
  const client = new TrackerClient({ announceUrl, clock: systemClock, log: silent, guard });
  onTestFinished(() => client.close());
  return client;
}

function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "",
    (error: CtError) => `${error.code}: ${error.message}`,
  );
}

const announce = (url: string, lookup?: LookupFunction) => clientOf(url, lookup).announce(announceRequest());

/** Finds `address` for every name. */
const nameOf =
  (address: string): LookupFunction =>
  (_host, options, callback) =>
    options.all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4);

describe("a redirect", () => {
  test.each([301, 302, 303, 307, 308])("by HTTP %d is followed, with our query", async (status) => {
    const [old, current] = [
      await ScriptedTracker.listen("127.9.0.1"),
      await ScriptedTracker.listen("127.9.0.1"),
    ];
    const answer = announce(`${old.announceUrl}?passkey=1`);
    (await old.next()).reply("moved", status, { location: `${current.announceUrl}?passkey=2` });
    const asked = await current.next();
    expect(asked.query).toMatch(/^passkey=2&info_hash=/);
    expect(asked.announce).toMatchObject({ infoHash, peerId });
    asked.accept({ interval: 77 });
    expect((await answer).interval).toBe(77);
  });

  test("that has our query already is followed as it is, and relative to where it came from", async () => {
    const tracker = await ScriptedTracker.listen("127.9.0.1");
    const answer = announce(tracker.announceUrl);
    const asked = await tracker.next();
    asked.reply("", 302, { location: `/x/announce?${asked.query}` });
    const again = await tracker.next("/x/announce");
    expect(again.query).toBe(asked.query);
    again.accept();
    await answer;
  });

  test("is followed for the long poll, too", async () => {
    const [old, current] = [await ScriptedTracker.listen(), await ScriptedTracker.listen()];
    const polled = clientOf(old.announceUrl).leaders({ infoHash, peerId, term: 0 });
    (await old.next("/leaders")).reply("", 307, {
      location: current.announceUrl.replace("announce", "leaders"),
    });
    (await current.next("/leaders")).reply(encodeLeadersAnswer(ctOf(5)));
    expect((await polled).leaders?.term).toBe(5);
  });

  test("in a circle is told as one", async () => {
    const [one, other] = [
      await ScriptedTracker.listen("127.9.0.1"),
      await ScriptedTracker.listen("127.9.0.1"),
    ];
    const message = messageOf(announce(one.announceUrl));
    (await one.next()).reply("", 302, { location: other.announceUrl });
    (await other.next()).reply("", 302, { location: one.announceUrl });
    expect(await message).toBe(
      `CT_ERR_TRACKER: tracker ${one.announceUrl} redirects in a circle: ` +
        `${one.announceUrl} to ${other.announceUrl} to ${one.announceUrl}`,
    );
    expect([one.waiting(), other.waiting()]).toEqual([0, 0]);
  });

  test("after redirect is followed five times and no more", async () => {
    const tracker = await ScriptedTracker.listen("127.9.0.1");
    const message = messageOf(announce(tracker.announceUrl));
    (await tracker.next()).reply("", 302, { location: "/1/announce" });
    for (let i = 1; i <= 5; i++) {
      (await tracker.next(`/${i}/announce`)).reply("", 302, { location: `/${i + 1}/announce` });
    }
    expect(await message).toContain("redirects more than 5 times, last to http://127.9.0.1");
    expect(tracker.waiting("/6/announce")).toBe(0);
  });

  test.each([
    [
      "udp://127.9.0.1:6969/announce",
      "redirects to udp://127.9.0.1:6969/announce, which is not HTTP or HTTPS",
    ],
    ["file:///etc/passwd", "which is not HTTP or HTTPS"],
    ["http://", "redirects without saying where to"],
  ])("to %s is not followed", async (location, message) => {
    const tracker = await ScriptedTracker.listen("127.9.0.1");
    const said = messageOf(announce(tracker.announceUrl));
    (await tracker.next()).reply("", 302, { location });
    expect(await said).toContain(message);
  });

  test("without a location is not followed", async () => {
    const tracker = await ScriptedTracker.listen("127.9.0.1");
    const said = messageOf(announce(tracker.announceUrl));
    (await tracker.next()).reply("", 302);
    expect(await said).toContain("redirects without saying where to");
  });

  test("from a global to a local address is not followed", async () => {
    const [outside, inside] = [await ScriptedTracker.listen("127.9.0.1"), await ScriptedTracker.listen()];
    const message = messageOf(announce(outside.announceUrl));
    (await outside.next()).reply("", 302, { location: inside.announceUrl });
    expect(await message).toBe(
      `CT_ERR_TRACKER: tracker ${outside.announceUrl} redirects to ${inside.announceUrl}, ` +
        "at the local address 127.0.0.1, which is not followed",
    );
    expect(inside.waiting()).toBe(0);
  });

  test("to a name of a local address is not followed either", async () => {
    const [outside, inside] = [await ScriptedTracker.listen("127.9.0.1"), await ScriptedTracker.listen()];
    const message = messageOf(announce(outside.announceUrl, nameOf("127.0.0.1")));
    (await outside.next()).reply("", 302, { location: `http://t.example:${inside.port}/announce` });
    expect(await message).toContain("at the local address 127.0.0.1, which is not followed");
    expect(inside.waiting()).toBe(0);
  });

  test("from a local tracker to a local tracker is followed, to anything else there not", async () => {
    const [old, current] = [await ScriptedTracker.listen(), await ScriptedTracker.listen()];
    const answer = announce(old.announceUrl);
    (await old.next()).reply("", 302, { location: current.announceUrl });
    (await current.next()).accept();
    await answer;

    const message = messageOf(announce(old.announceUrl));
    (await old.next()).reply("", 302, { location: `http://127.0.0.1:${current.port}/admin` });
    expect(await message).toContain("at the local address 127.0.0.1, which is not followed");
    expect(current.waiting("/admin")).toBe(0);
  });

  test("that leads outside and back in is not followed", async () => {
    const [inside, outside] = [await ScriptedTracker.listen(), await ScriptedTracker.listen("127.9.0.1")];
    const message = messageOf(announce(inside.announceUrl));
    (await inside.next()).reply("", 302, { location: outside.announceUrl });
    (await outside.next()).reply("", 302, { location: `${inside.announceUrl.replace("/a", "/x/a")}` });
    expect(await message).toContain("at the local address 127.0.0.1, which is not followed");
  });
});

describe("at a local address", () => {
  test.each(["/x/announce", "/announce"])("%s is asked", async (path) => {
    const tracker = await ScriptedTracker.listen();
    const answer = announce(`http://127.0.0.1:${tracker.port}${path}`);
    (await tracker.next(path)).accept();
    await answer;
  });

  test.each(["/announce?cmd=reboot", "/announce/x", "/xannounce", "/admin", "/leaders"])(
    "%s is not asked",
    async (path) => {
      const tracker = await ScriptedTracker.listen();
      expect(await messageOf(announce(`http://127.0.0.1:${tracker.port}${path}`))).toContain(
        "is at the local address 127.0.0.1, where only a URL that ends in /announce and has no query is asked",
      );
      expect(tracker.waiting(path.replace(/\?.*/, ""))).toBe(0);
    },
  );

  test("nothing more is asked under a name that was global at the last announce", async () => {
    const outside = await ScriptedTracker.listen("127.9.0.1");
    const inside = await ScriptedTracker.listen("127.0.0.1", outside.port);
    const addresses = ["127.9.0.1", "127.0.0.1"];
    const rebinding: LookupFunction = (host, options, callback) =>
      nameOf(addresses.shift() ?? "")(host, options, callback);
    const client = clientOf(`http://t.example:${outside.port}/announce?passkey=1`, rebinding);
    const answer = client.announce(announceRequest());
    // Closed after it, so that the next announce has to look the name up again.
    (await outside.next()).reply("d8:intervali60ee", 200, { connection: "close" });
    expect((await answer).interval).toBe(60);
    expect(await messageOf(client.announce(announceRequest()))).toContain(
      "is at the local address 127.0.0.1",
    );
    expect(inside.waiting()).toBe(0);
  });
});
