import { describe, expect, it } from "vitest";
import { Claiming } from "./support/claiming.ts";
import { endpoint } from "./support/samples.ts";

/** A standby with two members; its head is raw. */
async function standby(given: Parameters<typeof Claiming.begin>[0] = {}) {
  const story = await Claiming.begin({ office: "standby", ...given });
  const a = await story.insider(1);
  const b = await story.insider(2);
  await story.until("all are connected", () => story.peer.peers === 3);
  story.denying.add(story.head);
  return { given: story, a, b };
}

/** The head is gone for good, without a word. */
function killHead(given: Claiming): void {
  given.head.greets = false;
  given.silent.add(given.head);
}

const OPEN = { m: "open", pieces: [3, 4], ttlsMs: [9000, 9000] } as const;

describe("a standby", () => {
  it("denies what it is asked while the head is there, and says who is head", async () => {
    const { given, a } = await standby();
    const denial = await given.answer(a, given.claim(a, [3]));
    expect(denial).toMatchObject({ m: "deny", why: "not head", head: given.head.peerId });
  });

  it("claims at the head itself", async () => {
    const { given } = await standby();
    given.denying.clear();
    const outside = await given.outsider(1, { have: [5] });
    outside.wire.unchoke();
    await given.claimed();
    given.grant([5]);
    await given.until("it asks", () => outside.count("request") > 0);
  });

  it("takes over from a head that is silent and does not answer when dialled, with the claims that members tell of", async () => {
    const { given, a, b } = await standby();
    killHead(given);
    a.tell(OPEN, given.term);
    b.tell({ m: "open", pieces: [], ttlsMs: [] }, given.term);
    await given.until("it tells what is taken", () => b.count("taken_map") > 0);
    expect(await given.answer(b, given.claim(b, [3]))).toMatchObject({ why: "claimed" });
    expect(await given.grantedTo(b, [3, 4, 5])).toEqual([5]);
  });

  it("does not take over while it has not tried to reach the head again", async () => {
    const { given, a } = await standby();
    const dials = given.head.met.length;
    given.head.raw.socket.destroy();
    await given.until("it has dialled the head again", () => given.head.met.length > dials);
    await given.pass(3000);
    expect(given.head.isConnected).toBe(true);
    expect(await given.answer(a, given.claim(a, [3]))).toMatchObject({ why: "not head" });
  });

  it("grants once all its members have told of their claims, and after a second at the latest", async () => {
    const { given, a, b } = await standby();
    killHead(given);
    await given.until("it has taken over", () => a.count("taken_map") > 0);
    expect(await given.grantedTo(a, [3])).toEqual([3]);
    b.tell({ m: "open", pieces: [3], ttlsMs: [5000] }, given.term);
    await given.until("who comes late is told to stop", () => b.count("revoke") > 0);
  });

  it("knows what members hold, from the time before", async () => {
    const { given, a, b } = await standby();
    a.wire.have(7);
    await given.pass(500);
    killHead(given);
    await given.until("it has taken over", () => b.count("taken_map") > 0);
    expect(await given.answer(b, given.claim(b, [7]))).toMatchObject({ why: "held" });
  });

  it("steps back when the head is there again, and passes on what it has granted", async () => {
    const { given, a } = await standby();
    killHead(given);
    await given.until("it has taken over", () => a.count("taken_map") > 0);
    expect(await given.grantedTo(a, [3, 4])).toEqual([3, 4]);
    given.head.greets = true;
    given.silent.delete(given.head);
    const opened = () => given.toldTo(given.head, "open").flatMap(({ pieces }) => pieces);
    await given.until("the head knows", () => opened().includes(3) && opened().includes(4));
    expect(await given.answer(a, given.claim(a, [5]))).toMatchObject({ why: "not head" });
  });

  it("is head at once when a newer term says so", async () => {
    const { given, a } = await standby();
    await given.elect(["us", given.head]);
    await given.until("it tells what is taken", () => a.count("taken_map") > 0);
    expect(await given.grantedTo(a, [3])).toEqual([3]);
  });
});

describe("a head", () => {
  it("of an older term stops granting, asks the tracker, and goes on when that knows of no newer one", async () => {
    const given = await Claiming.begin({ office: "head" });
    const a = await given.insider(1);
    await given.until("it grants", () => a.count("taken_map") > 0);
    const denial = await given.answer(a, given.claim(a, [3], { term: given.term + 5 }));
    expect(denial).toMatchObject({ m: "deny", why: "not head" });
    await given.pass(11_000);
    expect(await given.grantedTo(a, [3], { term: given.term + 5 })).toEqual([3]);
  });

  it.each(["standby", "nothing"] as const)(
    "that a newer term makes %s denies with the new head, and passes its claims on",
    async (next) => {
      const given = await Claiming.begin({ office: "head", others: 2 });
      const a = await given.insider(1);
      await given.until("it grants", () => a.count("taken_map") > 0);
      expect(await given.grantedTo(a, [3, 4])).toEqual([3, 4]);
      const [first, second] = given.officers;
      if (!first || !second) throw new Error("nobody else is in office");
      await given.elect(next === "standby" ? [first, "us"] : [first, second]);
      const denial = await given.answer(a, given.claim(a, [5]));
      expect(denial).toMatchObject({ m: "deny", why: "not head", head: first.peerId });
      const passedOn = () => given.toldTo(first, "open").flatMap(({ pieces }) => pieces);
      await given.until("the new head knows", () => passedOn().includes(3) && passedOn().includes(4));
    },
  );

  it("that is elected anew grants at once what nobody has claimed", async () => {
    const given = await Claiming.begin({ office: "none" });
    const a = await given.insider(1);
    a.tell(OPEN, given.term + 1);
    await given.elect(["us", given.head]);
    await given.until("it tells what is taken", () => a.count("taken_map") > 0);
    const from = endpoint("127.2.0.8:7008");
    expect(await given.grantedTo(a, [5, 6], { from })).toEqual([5, 6]);
  });
});

describe("a standby that is complete", () => {
  it("goes on as head, of members that miss something; what it has shown to nobody is free to be fetched outside", async () => {
    const { given, a } = await standby({ seeds: true });
    killHead(given);
    await given.until("it has taken over", () => a.count("taken_map") > 0);
    expect(await given.answer(a, given.claim(a, [5]))).toMatchObject({ m: "grant", pieces: [5] });
  });
});
