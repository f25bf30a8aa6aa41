import type { PeerId } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Following } from "./support/following.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { endpoint } from "./support/samples.ts";
import { numberedPeerId } from "./support/test-peer.ts";

const LEADER = numberedPeerId(800_001);
const STRANGER = numberedPeerId(800_099);

/** A follower whose only leader is listed at 127.1.0.1 where nobody listens; an outside peer is to be reached. */
async function given() {
  const following = await Following.begin({
    outside: 1,
    led: () => [{ peerId: LEADER, endpoint: endpoint("127.1.0.1:9") }],
  });
  const join = (at: string, peerId: PeerId): Promise<RawPeer> => {
    const { infoHash, pieceCount } = following.torrent.metainfo;
    const { clock } = following;
    return RawPeer.join(following.peer.endpoint, { at, infoHash, peerId, clock, ctCache: { pieceCount } });
  };
  return { following, join };
}

describe("a follower takes for its leader", () => {
  it("who comes with the listed id from the listed address", async () => {
    const { following, join } = await given();
    const leader = await join("127.1.0.1", LEADER);
    await following.until("it is asked", () => leader.toldOf("leader_start").length > 0);
    leader.tell({ m: "leader_started", dest: endpoint("127.2.0.1:7001") });
    leader.tell({ m: "fwd_have", pieces: [1] });
    await following.until("pieces are wanted of it", () => leader.toldOf("want").length > 0);
    expect(leader.count("interested")).toBe(1);
  });

  it.each([
    ["with another id from the listed address", "127.1.0.1", STRANGER],
    ["with the listed id from another address", "127.1.0.66", LEADER],
    ["with the listed id from another AS", "127.2.0.66", LEADER],
    ["with another id from the same AS", "127.1.0.66", STRANGER],
  ])("nobody %s", async (_, at, peerId) => {
    const { following, join } = await given();
    await following.pass(300);
    const raw = await join(at, peerId);
    raw.tell({ m: "leader_started", dest: endpoint("127.2.0.1:7001") });
    raw.tell({ m: "fwd_have", pieces: [1, 2, 3] });
    raw.tell({ m: "fwd_bitfield", bits: Uint8Array.of(0xff), from: 0 });
    raw.tell({ m: "leader_refused", dest: endpoint("127.2.0.1:7001"), why: "unreachable" });
    raw.tell({ m: "leader_stop", dest: endpoint("127.2.0.1:7001") });
    await following.pass(5000);
    expect(raw.told).toEqual([]);
    expect(raw.count("interested")).toBe(0);
    const leader = peerId === LEADER ? undefined : await join("127.1.0.1", LEADER);
    if (leader) {
      await following.until("the real one is asked", () => leader.toldOf("leader_start").length > 0);
    }
  });
});
