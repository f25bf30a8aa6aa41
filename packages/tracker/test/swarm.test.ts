import { seededRandom } from "@cachetorrent/clock";
import type { PeerId } from "@cachetorrent/protocol";
import { Swarm } from "@cachetorrent/tracker";
import fc from "fast-check";
import { expect, test } from "vitest";
import { endpoint, id, SWARM } from "./support.ts";

const names = fc.constantFrom("a", "b", "c", "d", "e");
const step = fc.oneof(
  fc.record({
    do: fc.constant("register" as const),
    name: names,
    asn: fc.nat(2),
    host: fc.nat(3),
    left: fc.nat(1),
    isMember: fc.boolean(),
  }),
  fc.record({ do: fc.constant("remove" as const), name: names }),
);

test("whatever comes and goes, all views of a swarm agree with the list of who is in it", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(), (steps, seed) => {
      const swarm = new Swarm(SWARM, seededRandom(seed));
      const model = new Map<PeerId, { asn: number; at: string; left: number; isMember: boolean }>();
      for (const one of steps) {
        const peerId = id(one.name);
        if (one.do === "remove") {
          swarm.remove(peerId);
          model.delete(peerId);
          continue;
        }
        const before = model.get(peerId);
        const at = `10.0.0.${one.host}:1`;
        swarm.register(
          {
            peerId,
            asn: one.asn as never,
            endpoint: endpoint(at),
            left: one.left,
            ...(one.isMember ? { member: { externalBytes: 0, internalBytes: 0 } } : {}),
          },
          0,
        );
        model.set(peerId, { asn: before?.asn ?? one.asn, at, left: one.left, isMember: one.isMember });
      }
      const peers = [...model];
      expect([...swarm.peers()].map((peer) => peer.peerId)).toEqual(peers.map(([peerId]) => peerId));
      expect(swarm.everyone.size).toBe(peers.length);
      expect(swarm.complete).toBe(peers.filter(([, peer]) => peer.left === 0).length);
      expect(swarm.memberCount).toBe(peers.filter(([, peer]) => peer.isMember).length);
      for (const asn of [0, 1, 2]) {
        const local = [...(swarm.localPeers(asn as never) ?? [])].map((peer) => peer.peerId).sort();
        expect(local).toEqual(
          peers
            .filter(([, peer]) => peer.asn === asn)
            .map(([peerId]) => peerId)
            .sort(),
        );
      }
      for (let host = 0; host <= 3; host++) {
        const at = `10.0.0.${host}:1`;
        expect(
          swarm
            .at(endpoint(at))
            .map((peer) => peer.peerId)
            .sort(),
        ).toEqual(
          peers
            .filter(([, peer]) => peer.at === at)
            .map(([peerId]) => peerId)
            .sort(),
        );
      }
    }),
  );
});
