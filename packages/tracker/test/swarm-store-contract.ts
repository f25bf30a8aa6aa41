import type { SwarmStore } from "@cachetorrent/tracker";
import { describe, expect, test } from "vitest";
import { endpoint, id, OTHER_SWARM, SWARM } from "./support.ts";

/** What every store of swarms has to do; each implementation runs it with a maker of empty ones. */
export function swarmStoreContract(makeStore: () => SwarmStore): void {
  const asn = (n: number) => n as never;
  const at = (text: string) => endpoint(text);
  const peer = (name: string, more: { asn?: number; endpoint?: string; left?: number } = {}) => ({
    peerId: id(name),
    asn: asn(more.asn ?? 1),
    endpoint: at(more.endpoint ?? "10.0.0.1:1000"),
    left: more.left ?? 1,
  });

  describe("a swarm store", () => {
    test("opens a swarm once, and knows only those it opened", () => {
      const store = makeStore();
      expect(store.get(SWARM)).toBeUndefined();
      const swarm = store.open(SWARM);
      swarm.register(peer("a"), 0);
      expect(store.open(SWARM).get(id("a"))?.peerId).toBe(id("a"));
      expect(store.get(OTHER_SWARM)).toBeUndefined();
      expect(store.size).toBe(1);
      expect([...store.swarms()].map((one) => one.infoHash)).toEqual([SWARM]);
    });

    test("forgets a deleted swarm with its peers", () => {
      const store = makeStore();
      store.open(SWARM).register(peer("a"), 0);
      store.delete(SWARM);
      expect(store.get(SWARM)).toBeUndefined();
      expect(store.open(SWARM).size).toBe(0);
    });

    test("keeps the AS of the first announce, and one endpoint per address family", () => {
      const swarm = makeStore().open(SWARM);
      swarm.register(peer("a", { asn: 1, endpoint: "10.0.0.1:1" }), 0);
      swarm.register(peer("a", { asn: 2, endpoint: "10.0.0.2:2" }), 5);
      swarm.register(peer("a", { asn: 3, endpoint: "[2001:db8::1]:3" }), 6);
      expect(swarm.get(id("a"))).toMatchObject({
        asn: 1,
        ipv4: at("10.0.0.2:2"),
        ipv6: at("[2001:db8::1]:3"),
        joinedAt: 0,
        announcedAt: 6,
      });
      expect(swarm.at(at("10.0.0.1:1"))).toEqual([]);
      expect(swarm.at(at("10.0.0.2:2")).map((one) => one.peerId)).toEqual([id("a")]);
    });

    test("counts the complete and the incomplete by what is left", () => {
      const swarm = makeStore().open(SWARM);
      swarm.register(peer("a", { left: 9 }), 0);
      swarm.register(peer("b", { left: 0 }), 0);
      swarm.register(peer("a", { left: 0 }), 0);
      expect([swarm.complete, swarm.incomplete]).toEqual([2, 0]);
      swarm.remove(id("b"));
      expect([swarm.complete, swarm.incomplete, swarm.size]).toEqual([1, 0, 1]);
    });

    test("counts a completion when it is said, once", () => {
      const swarm = makeStore().open(SWARM);
      for (let i = 0; i < 3; i++) swarm.register({ ...peer("a", { left: 0 }), completed: true }, i);
      expect(swarm.totals.downloaded).toBe(1);
    });

    test("counts a completion that only what is left tells of, once, and none of a peer that came complete", () => {
      const swarm = makeStore().open(SWARM);
      const announces = (name: string, left: number, completed = false) =>
        swarm.register({ ...peer(name, { left }), completed }, 0);
      announces("came complete", 0);
      expect(swarm.totals.downloaded).toBe(0);
      announces("event was lost", 5);
      announces("event was lost", 0);
      expect(swarm.totals.downloaded).toBe(1);
      announces("event was lost", 0, true);
      announces("event was lost", 7);
      announces("event was lost", 0, true);
      expect(swarm.totals.downloaded).toBe(1);
      announces("is not complete", 5, true);
      announces("is not complete", 5, true);
      expect(swarm.totals.downloaded).toBe(1);
      swarm.countLastWord(announces("stops when complete", 5), { left: 0 });
      expect(swarm.totals.downloaded).toBe(2);
    });

    test("finds the peers of an AS, until they leave", () => {
      const swarm = makeStore().open(SWARM);
      for (const name of ["a", "b", "c"]) swarm.register(peer(name, { asn: name === "c" ? 2 : 1 }), 0);
      expect([...(swarm.localPeers(asn(1)) ?? [])].map((one) => one.peerId).sort()).toEqual([
        id("a"),
        id("b"),
      ]);
      swarm.remove(id("c"));
      expect(swarm.localPeers(asn(2))).toBeUndefined();
      expect(swarm.everyone.size).toBe(2);
    });

    test("sums the payload of members that left, too, and counts a restarted one anew", () => {
      const swarm = makeStore().open(SWARM);
      const says = (externalBytes: number, internalBytes: number) =>
        swarm.register({ ...peer("a"), member: { externalBytes, internalBytes } }, 0);
      says(10, 100);
      says(15, 100);
      swarm.remove(id("a"));
      says(5, 1);
      expect(swarm.totals).toMatchObject({ externalBytes: 20, internalBytes: 101 });
      expect(swarm.memberCount).toBe(1);
    });
  });
}
