import { describe, expect, it } from "vitest";
import { NOTHING_SHARED, Sharing, type StopRule } from "../src/stop-rule.ts";

describe("a rule for when to stop", () => {
  const WANTED = 1000;
  const sharingOf = (rule: StopRule, before = NOTHING_SHARED) => {
    let sentBytes = 0;
    const sharing = new Sharing(() => sentBytes, rule, before);
    sentBytes = 1500;
    return sharing;
  };
  const afterAMinute = (rule: StopRule, before = NOTHING_SHARED) => {
    const sharing = sharingOf(rule, before);
    sharing.began(1000);
    return sharing.reasonToStop(WANTED, 61_000);
  };

  it("without parts is never met", () => expect(afterAMinute({})).toBeUndefined());

  it("of a ratio is met by as many bytes for each that is wanted", () => {
    expect(afterAMinute({ ratio: 1.5 })).toBe("it has sent 1.5 times its size");
    expect(afterAMinute({ ratio: 1.501 })).toBeUndefined();
  });

  it("of a time is met once it is over", () => {
    expect(afterAMinute({ afterMs: 60_000 })).toBe("it has seeded for 60 s");
    expect(afterAMinute({ afterMs: 60_001 })).toBeUndefined();
  });

  it("of both is met by either", () => {
    expect(afterAMinute({ afterMs: 1, ratio: 9 })).toContain("seeded");
    expect(afterAMinute({ afterMs: 1e9, ratio: 1 })).toContain("sent");
  });

  it("is not met while anything is missing; its time begins anew when more was wanted", () => {
    const sharing = sharingOf({ afterMs: 100, ratio: 1 });
    expect(sharing.reasonToStop(WANTED, 1e9)).toBeUndefined();
    sharing.rule = { afterMs: 100 };
    sharing.began(1000);
    sharing.began(1090);
    expect(sharing.reasonToStop(WANTED, 1100)).toBeDefined();
    sharing.ended();
    sharing.began(2000);
    expect(sharing.reasonToStop(WANTED, 2099)).toBeUndefined();
    expect(sharing.reasonToStop(WANTED, 2100)).toBeDefined();
  });

  it("goes by what was shared before, too", () => {
    const before = { sentBytes: 500, seededMs: 40_000 };
    expect(afterAMinute({ ratio: 2 }, before)).toBe("it has sent 2 times its size");
    expect(afterAMinute({ ratio: 2.001 }, before)).toBeUndefined();
    expect(afterAMinute({ afterMs: 100_000 }, before)).toBe("it has seeded for 100 s");
    expect(afterAMinute({ afterMs: 100_001 }, before)).toBeUndefined();
  });

  it("counts no time out of the swarm, and nothing that was sent before the torrent was there", () => {
    let sentBytes = 7000;
    const sharing = new Sharing(() => sentBytes, {}, { sentBytes: 10, seededMs: 20 });
    expect(sharing.shared(0)).toEqual({ sentBytes: 10, seededMs: 20 });
    sharing.began(1000);
    sentBytes = 7001;
    expect(sharing.shared(1300)).toEqual({ sentBytes: 11, seededMs: 320 });
    sharing.left(1400);
    expect(sharing.shared(9000)).toEqual({ sentBytes: 11, seededMs: 420 });
    expect(sharing.reasonToStop(0, 9000)).toBeUndefined();
  });
});
