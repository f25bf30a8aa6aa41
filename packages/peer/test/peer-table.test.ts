import { seededRandom } from "@cachetorrent/clock";
import { type Endpoint, LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { connectionTo, PeerTable } from "../src/neighbours/peer-table.ts";
import { endpoint } from "./support/samples.ts";

const ours = endpoint("198.18.0.1:6881");
const nobody = () => false;

function tableOf(...endpoints: string[]): PeerTable {
  const table = new PeerTable(seededRandom(1), (one) => one.address === ours.address);
  table.learn(endpoints.map(endpoint));
  return table;
}

function numbered(n: number): Endpoint {
  return endpoint(`198.19.${n >> 8}.${n & 255}:6881`);
}

describe("the peer table", () => {
  it("gives every endpoint once until it has ended", () => {
    const table = tableOf("198.18.0.2:1", "198.18.0.3:1", "198.18.0.2:1");
    expect(table.size).toBe(2);
    const given = [table.next(0, nobody), table.next(0, nobody)];
    expect(new Set(given.map((one) => one?.address)).size).toBe(2);
    expect(table.next(0, nobody)).toBeUndefined();
  });

  it("knows whether anybody may be dialled, without giving one", () => {
    const [one, other] = [endpoint("198.18.0.2:1"), endpoint("198.18.0.3:1")];
    const table = tableOf();
    expect(table.isAnyDue(0)).toBe(false);
    table.learn([one, other]);
    table.next(0, nobody);
    expect(table.isAnyDue(0)).toBe(true);
    table.next(0, nobody);
    expect(table.isAnyDue(0)).toBe(false);
    table.ended(one, true, 0);
    expect(table.isAnyDue(0)).toBe(false);
    expect(table.isAnyDue(60_000)).toBe(true);
    table.ban(one.address);
    expect(table.isAnyDue(60_000)).toBe(false);
  });

  it("notices whoever may be dialled again after it had nobody", () => {
    const [one, other] = [endpoint("198.18.0.2:1"), endpoint("198.18.0.3:1")];
    const table = tableOf("198.18.0.2:1");
    table.next(0, nobody);
    expect(table.isAnyDue(0)).toBe(false);
    table.learn([other]);
    expect(table.isAnyDue(0)).toBe(true);
    table.next(0, nobody);
    expect(table.isAnyDue(0)).toBe(false);
    table.rest(one, 0);
    expect(table.isAnyDue(0)).toBe(false);
    table.reconsider();
    expect(table.isAnyDue(0)).toBe(true);
  });

  it("keeps our own endpoint out", () => {
    expect(tableOf("198.18.0.1:6881").size).toBe(0);
  });

  it("gives nobody with whom we are connected", () => {
    const table = tableOf("198.18.0.2:1");
    expect(table.next(0, () => true)).toBeUndefined();
    expect(table.next(0, nobody)).toBeDefined();
  });

  it("waits twice as long after each dial in vain, and at most 10 minutes", () => {
    const table = tableOf("198.18.0.2:1");
    let now = 0;
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      const began = now;
      for (; ; now += 1000) {
        const one = table.next(now, nobody);
        if (one) {
          table.ended(one, false, now);
          break;
        }
      }
      waits.push(now - began);
    }
    expect(waits.slice(0, 4)).toEqual([0, 10_000, 20_000, 40_000]);
    expect(Math.max(...waits)).toBe(600_000);
  });

  it("soon tries again whom it could talk to", () => {
    const table = tableOf("198.18.0.2:1");
    const one = table.next(0, nobody) as Endpoint;
    table.ended(one, false, 0);
    table.ended(one, true, 100_000);
    expect(table.next(104_999, nobody)).toBeUndefined();
    expect(table.next(105_000, nobody)).toEqual(one);
  });

  it("lets those rest who are of no use", () => {
    const table = tableOf("198.18.0.2:1");
    const one = table.next(0, nobody) as Endpoint;
    table.rest(one, 0);
    expect(table.next(599_999, nobody)).toBeUndefined();
    expect(table.next(600_000, nobody)).toEqual(one);
  });

  it("never gives a banned address, whatever its port", () => {
    const table = tableOf("198.18.0.2:1", "198.18.0.2:2");
    table.ban(endpoint("198.18.0.2:9").address);
    expect(table.isBanned(endpoint("198.18.0.2:3").address)).toBe(true);
    expect(table.next(0, nobody)).toBeUndefined();
    expect(table.isBanned(endpoint("198.18.0.3:1").address)).toBe(false);
  });

  it("bans the whole /64 of an IPv6 address, for a liar has all of it", () => {
    const table = tableOf("[2001:db8::2]:1", "[2001:db8:0:1::1]:1");
    table.ban(endpoint("[2001:db8::1]:9").address);
    expect(table.isBanned(endpoint("[2001:db8::ffff:3]:1").address)).toBe(true);
    expect(table.claim(endpoint("[2001:db8::4]:1"))).toBe(false);
    expect(table.next(0, nobody)).toEqual(endpoint("[2001:db8:0:1::1]:1"));
    expect(table.next(0, nobody)).toBeUndefined();
  });

  it("is bounded; when full it forgets whom it dialled in vain for whom it hears of next", () => {
    const most = LIMITS.peer.knownPeersPerTorrent;
    const table = tableOf();
    table.learn(Array.from({ length: most + 50 }, (_, n) => numbered(n)));
    expect(table.size).toBe(most);
    const failed = table.next(0, nobody) as Endpoint;
    table.ended(failed, false, 0);
    table.learn([numbered(5000), numbered(5001)]);
    expect(table.size).toBe(most);
    table.learn([failed]);
    expect(table.size).toBe(most);
    const due = new Set<string>();
    for (let one = table.next(1e9, nobody); one; one = table.next(1e9, nobody)) due.add(one.address);
    expect(due.has(numbered(5000).address)).toBe(true);
    expect(due.has(numbered(5001).address)).toBe(false);
    expect(due.has(failed.address)).toBe(false);
  });
});

describe("the connection to an endpoint", () => {
  it("is the one of who listens there, if that is known", () => {
    const listening = endpoint("198.18.0.2:6881");
    const there = { endpoint: { ...listening } };
    const elsewhere = { endpoint: endpoint("198.18.0.2:6882") };
    expect(connectionTo(listening, [elsewhere, { endpoint: undefined }, there])).toBe(there);
    expect(connectionTo(listening, [elsewhere])).toBeUndefined();
  });
});
