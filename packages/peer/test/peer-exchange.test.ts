import { encodeBencode, formatEndpoint, LIMITS, parseAddress } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { PeerExchange, type PexNeighbour } from "../src/discovery/peer-exchange.ts";
import { usableEndpoints } from "../src/discovery/scope.ts";
import { decodePex, encodePex, type PexMessage } from "../src/wire/pex-message.ts";
import { asn, endpoint } from "./support/samples.ts";

const { pexEntries, pexEntriesFirst, pexMs, pexTold } = LIMITS.discovery;

/** A neighbour that listens where it came from. */
class Neighbour implements PexNeighbour {
  readonly asn;
  readonly isOpen = true;
  readonly isHandshaken = true;
  readonly isIndirect: boolean;
  readonly speaksPex: boolean;
  readonly remote;
  readonly endpoint;
  readonly told: PexMessage[] = [];

  constructor(at: string, { as = 0, isIndirect = false, speaksPex = true } = {}) {
    this.remote = endpoint(at);
    this.endpoint = endpoint(at);
    this.asn = asn(as);
    this.isIndirect = isIndirect;
    this.speaksPex = speaksPex;
  }

  tellPeers(message: PexMessage): void {
    this.told.push(message);
  }

  get added(): string[][] {
    return this.told.map(({ added }) => added.map(formatEndpoint));
  }

  get dropped(): string[][] {
    return this.told.map(({ dropped }) => dropped.map(formatEndpoint));
  }
}

describe("peer exchange", () => {
  it("tells each neighbour of the others, and then of who came and who left, once a minute", () => {
    const [a, b, c] = [1, 2, 3].map((n) => new Neighbour(`198.18.0.${n}:6881`)) as [
      Neighbour,
      Neighbour,
      Neighbour,
    ];
    let here = [a, b];
    const exchange = new PeerExchange(
      () => here,
      () => false,
    );
    exchange.sweep(0);
    expect(a.added).toEqual([["198.18.0.2:6881"]]);
    here = [a, c];
    exchange.sweep(pexMs - 1);
    expect(a.told).toHaveLength(1);
    exchange.sweep(pexMs);
    exchange.sweep(2 * pexMs);
    expect(a.added).toEqual([["198.18.0.2:6881"], ["198.18.0.3:6881"]]);
    expect(a.dropped).toEqual([[], ["198.18.0.2:6881"]]);
    expect(c.added).toEqual([["198.18.0.1:6881"]]);
  });

  it("tells of 50 at most in a message, and of the others later", () => {
    const me = new Neighbour("198.18.0.1:6881");
    const others = Array.from({ length: 70 }, (_, n) => new Neighbour(`198.18.1.${n + 1}:6881`));
    let here = [me, ...others];
    const exchange = new PeerExchange(
      () => here,
      () => false,
    );
    exchange.sweep(0);
    exchange.sweep(pexMs);
    expect(me.added.map((list) => list.length)).toEqual([pexEntries, 20]);
    here = [me];
    exchange.sweep(2 * pexMs);
    expect(me.dropped.at(-1)).toHaveLength(pexEntries);
  });

  it("tells nobody of more than 200 that are here, and each of others", () => {
    const here = Array.from({ length: 600 }, (_, n) => new Neighbour(`198.18.${n >> 8}.${n & 255}:6881`));
    const exchange = new PeerExchange(
      () => here,
      () => false,
    );
    for (let minute = 0; minute < 10; minute++) exchange.sweep(minute * pexMs);
    const heard = here.map(({ added }) => added.flat());
    expect(new Set(heard.map((list) => list.length))).toEqual(new Set([pexTold]));
    expect(heard.every((list, n) => !list.includes(formatEndpoint(here[n]?.endpoint as never)))).toBe(true);
    const timesToldOf = new Map<string, number>();
    for (const one of heard.flat()) timesToldOf.set(one, (timesToldOf.get(one) ?? 0) + 1);
    expect(new Set(timesToldOf.values())).toEqual(new Set([pexTold]));
  });

  it("looks at all neighbours once a second, and for one who was told of all every five", () => {
    const here = [1, 2, 3].map((n) => new Neighbour(`198.18.0.${n}:6881`));
    let looks = 0;
    const exchange = new PeerExchange(
      () => {
        looks++;
        return here;
      },
      () => false,
    );
    for (let ms = 0; ms < 10_000; ms += 250) exchange.sweep(ms);
    expect(looks).toBe(10);
  });

  it("tells of a newcomer within five seconds who had nobody to be told of before", () => {
    const [a, b] = [1, 2].map((n) => new Neighbour(`198.18.0.${n}:6881`)) as [Neighbour, Neighbour];
    let here = [a];
    const exchange = new PeerExchange(
      () => here,
      () => false,
    );
    exchange.sweep(0);
    here = [a, b];
    for (let ms = 250; ms <= 5000; ms += 250) exchange.sweep(ms);
    expect(a.added).toEqual([["198.18.0.2:6881"]]);
  });

  it("tells where the policy keeps peers inside only of the neighbour's own AS", () => {
    const inOne = [1, 2].map((n) => new Neighbour(`198.18.1.${n}:6881`, { as: 64501 }));
    const other = new Neighbour("198.18.2.1:6881", { as: 64502 });
    const unknown = [8, 9].map((n) => new Neighbour(`198.18.9.${n}:6881`));
    const exchange = new PeerExchange(
      () => [...inOne, other, ...unknown],
      () => true,
    );
    exchange.sweep(0);
    expect(inOne.map(({ added }) => added)).toEqual([[["198.18.1.2:6881"]], [["198.18.1.1:6881"]]]);
    expect([other, ...unknown].flatMap(({ told }) => told)).toEqual([]);
  });

  it("leaves out who is opened for a follower, and addresses that mean another machine elsewhere", () => {
    const me = new Neighbour("198.18.0.1:6881");
    const indirect = new Neighbour("198.18.0.2:6881", { isIndirect: true });
    const here = [me, indirect, new Neighbour("127.0.0.1:6881"), new Neighbour("169.254.0.1:6881")];
    new PeerExchange(
      () => here,
      () => false,
    ).sweep(0);
    expect(here.flatMap(({ told }) => told)).toEqual([]);
  });

  it("takes over only endpoints that can be dialled from here", () => {
    const heard = ["127.0.0.1:1", "224.0.0.1:1", "0.0.0.0:1", "198.18.0.9:7", "[fe80::1]:1"].map(endpoint);
    const noPort = { ...endpoint("198.18.0.8:1"), port: 0 };
    const from = (address: string) =>
      usableEndpoints(
        [...heard, noPort],
        parseAddress(address) as NonNullable<ReturnType<typeof parseAddress>>,
      );
    expect(from("198.18.0.1").map(formatEndpoint)).toEqual(["198.18.0.9:7"]);
    expect(from("127.0.0.2").map(formatEndpoint)).toEqual(["127.0.0.1:1"]);
  });
});

describe("a ut_pex message", () => {
  it("has both address families, and keys as in BEP 11", () => {
    const added = ["198.18.0.1:6881", "[2001:db8::1]:6882"].map(endpoint);
    const dropped = ["198.18.0.2:1"].map(endpoint);
    const bytes = encodePex({ added, dropped });
    expect(decodePex(bytes)).toEqual({ ok: true, value: { added, dropped } });
    expect(Buffer.from(bytes).toString("latin1")).toMatch(/^d5:added6:.{6}7:added\.f1:\0/s);
  });

  it("is cut where it names more than a first one may", () => {
    const many = new Uint8Array(6 * 1000).fill(7);
    const decoded = decodePex(encodeBencode({ added: many }));
    expect(decoded.ok && decoded.value.added.length).toBe(pexEntriesFirst);
  });

  it.each([
    ["no dictionary", encodeBencode([1])],
    ["half of an endpoint", encodeBencode({ added: new Uint8Array(7) })],
    ["half of one of IPv6", encodeBencode({ dropped6: new Uint8Array(17) })],
  ])("with %s is refused", (_, bytes) => {
    expect(decodePex(bytes).ok).toBe(false);
  });
});
