import { describe, expect, it } from "vitest";
import { Attention } from "../src/wire/attention.ts";

/** Looks every 250 ms, from `from` to `to`; how often silence might be judged. */
function judged(attention: Attention, from: number, to: number): number {
  let times = 0;
  for (let now = from; now <= to; now += 250) if (attention.look(now)) times++;
  return times;
}

describe("attention", () => {
  it("is there a second after the first look", () => {
    expect(judged(new Attention(0), 250, 750)).toBe(0);
    expect(new Attention(0).look(1000)).toBe(true);
  });

  it("is gone for a second when there was no look for longer than that", () => {
    const attention = new Attention(0);
    expect(judged(attention, 250, 5000)).toBe(17);
    expect(judged(attention, 9000, 9750)).toBe(0);
    expect(judged(attention, 10_000, 11_000)).toBe(5);
  });
});
