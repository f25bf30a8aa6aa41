import { describe, expect, test } from "vitest";
import {
  type Address,
  type AnnounceRequest,
  decodeAnnounceRequest,
  encodeAnnounceRequest,
  infoHashFromBytes,
  LIMITS,
  peerIdFromBytes,
  unwrap,
} from "../src/index.ts";

/** 20 bytes of all kinds: control, reserved and unreserved characters, `*`, `~`, and beyond ASCII. */
const HASH = "0041622a7e2d2e5f25262b2f3d3f2080c3a9ff7a";
const INFO_HASH = "%00Ab%2A~-._%25%26%2B%2F%3D%3F%20%80%C3%A9%FFz";
const PEER_ID = "-CT0100-0123456789ab";

const infoHash = infoHashFromBytes(Buffer.from(HASH, "hex"));
const peerId = peerIdFromBytes(Buffer.from(PEER_ID));

const BARE = `info_hash=${INFO_HASH}&peer_id=${PEER_ID}&port=6881&left=0`;

function decode(query: string): AnnounceRequest {
  return unwrap(decodeAnnounceRequest(query));
}

function member(parameters: string, downloaded = 1000) {
  return decode(`${BARE}&downloaded=${downloaded}&ct=1&${parameters}`).member;
}

describe("an announce on the wire", () => {
  test("of a leecher that starts", () => {
    const request: AnnounceRequest = {
      infoHash,
      peerId,
      port: 6881,
      uploaded: 0,
      downloaded: 0,
      left: 33_554_432,
      event: "started",
      numwant: 50,
      compact: true,
      noPeerId: true,
      claimedAddress: "198.18.0.1" as Address,
      key: "0a1b2c3d",
    };
    expect(encodeAnnounceRequest(request)).toBe(
      "info_hash=%00Ab%2a~-._%25%26%2b%2f%3d%3f%20%80%c3%a9%ffz&peer_id=-CT0100-0123456789ab&port=6881" +
        "&uploaded=0&downloaded=0&left=33554432&event=started&numwant=50&compact=1&no_peer_id=1&ip=198.18.0.1" +
        "&key=%0a%1b%2c%3d",
    );
    expect(decode(encodeAnnounceRequest(request))).toEqual(request);
  });

  test("of a member, with all that it adds", () => {
    const request: AnnounceRequest = {
      infoHash,
      peerId,
      port: 6881,
      uploaded: 1,
      downloaded: 30,
      left: 2,
      compact: true,
      noPeerId: false,
      member: {
        capacity: { up: 12_500_000, down: 25_000_000 },
        term: 1_800_000_000_000,
        externalBytes: 10,
        internalBytes: 20,
        local: { address: "2001:db8::1" as Address, port: 6881 },
        stalled: peerId,
      },
    };
    expect(encodeAnnounceRequest(request)).toBe(
      "info_hash=%00Ab%2a~-._%25%26%2b%2f%3d%3f%20%80%c3%a9%ffz&peer_id=-CT0100-0123456789ab&port=6881" +
        "&uploaded=1&downloaded=30&left=2&compact=1&ct=1&ct_up=12500000&ct_down=25000000&ct_term=1800000000000" +
        "&ct_ext=10&ct_int=20&ct_local=%5B2001%3Adb8%3A%3A1%5D%3A6881&ct_stalled=-CT0100-0123456789ab",
    );
    expect(decode(encodeAnnounceRequest(request))).toEqual(request);
  });

  test("needs no more than who, what, where and how much is left", () => {
    expect(decode(BARE)).toEqual({
      infoHash,
      peerId,
      port: 6881,
      uploaded: 0,
      downloaded: 0,
      left: 0,
      compact: true,
      noPeerId: false,
    });
  });
});

describe("stock clients", () => {
  test.each([
    ["upper-case hex", INFO_HASH],
    ["lower-case hex", INFO_HASH.toLowerCase().replace("%00ab", "%00Ab")],
    ["`*` unescaped", INFO_HASH.replace("%2A", "*")],
    ["reserved bytes raw", "%00Ab*~-._%25%26+/=?%20%80%C3%A9%FFz"],
    ["raw bytes beyond ASCII, as node's parser hands them over", "%00Ab*~-._%25%26+/=?%20\x80\xc3\xa9\xffz"],
    ["everything escaped", HASH.replaceAll(/../g, "%$&")],
  ])("an info-hash with %s", (_, encoded) => {
    expect(decode(BARE.replace(INFO_HASH, encoded)).infoHash).toBe(HASH);
  });

  test("libtorrent: parameters it alone sends, in its order", () => {
    const query = `info_hash=${INFO_HASH}&peer_id=-LT2080-%00%01%02%03%04%05%06%07%08%09%0a%0b&port=6881&uploaded=0&downloaded=0&left=16384&corrupt=0&key=0A1B2C3D&event=started&numwant=200&compact=1&no_peer_id=1&supportcrypto=1&redundant=0`;
    expect(decode(query)).toEqual({
      infoHash,
      peerId: "2d4c54323038302d000102030405060708090a0b",
      port: 6881,
      uploaded: 0,
      downloaded: 0,
      left: 16384,
      event: "started",
      numwant: 200,
      compact: true,
      noPeerId: true,
      key: Buffer.from("0A1B2C3D").toString("hex"),
    });
  });

  test("Transmission: a key of 7 digits, stopping with numwant=0", () => {
    const request = decode(
      `info_hash=${INFO_HASH}&peer_id=-TR3000-abcdefghijkl&port=51413&uploaded=5&downloaded=6&left=7&numwant=0&key=a1b2c3d&compact=1&supportcrypto=1&event=stopped`,
    );
    expect(request).toMatchObject({
      event: "stopped",
      numwant: 0,
      key: Buffer.from("a1b2c3d").toString("hex"),
    });
  });

  test("aria2: a key of 8 binary bytes, the port late", () => {
    const request = decode(
      `info_hash=${INFO_HASH}&peer_id=A2-1-36-0-%9D%17%F7%B8%00%25%26%3D%ff%0a&uploaded=0&downloaded=0&left=1&compact=1&key=%9D%17%F7%B8%00%25%26%3D&numwant=50&no_peer_id=1&port=6999&event=started&supportcrypto=1`,
    );
    expect(request).toMatchObject({ port: 6999, key: "9d17f7b80025263d" });
  });

  test("`ip=`, `ipv4=` and `ipv6=`, an empty event and BEP 21's paused", () => {
    expect(decode(`${BARE}&ip=2001:DB8::1`).claimedAddress).toBe("2001:db8::1");
    expect(decode(`${BARE}&ip=%3A%3Affff%3A198.18.0.1`).claimedAddress).toBe("198.18.0.1");
    expect(decode(`${BARE}&ip=example.org`).claimedAddress).toBeUndefined();
    expect(decode(`${BARE}&ipv6=2001%3ADB8%3A%3A1`).otherAddress).toBe("2001:db8::1");
    expect(decode(`${BARE}&ipv6=[2001:db8::1]:6882&ipv4=198.18.0.1`).otherAddress).toBe("2001:db8::1");
    expect(decode(`${BARE}&ipv4=198.18.0.1`).otherAddress).toBe("198.18.0.1");
    expect(decode(`${BARE}&ipv6=198.18.0.1&ipv4=::1`).otherAddress).toBeUndefined();
    expect(decode(`${BARE}&event=`).event).toBeUndefined();
    expect(decode(`${BARE}&event=paused`).event).toBeUndefined();
  });

  test("a `left` of 2^63 - 1 or 2^64 - 1 while the size is unknown", () => {
    for (const left of ["9223372036854775807", "18446744073709551615"]) {
      expect(decode(BARE.replace("left=0", `left=${left}`)).left).toBe(Number.MAX_SAFE_INTEGER);
    }
  });

  test("numbers of no use: numwant=-1 is no numwant, compact and no_peer_id are flags", () => {
    const request = decode(`${BARE}&numwant=-1&uploaded=x&compact=0&no_peer_id=0`);
    expect(request).toMatchObject({ uploaded: 0, compact: false, noPeerId: false });
    expect(request.numwant).toBeUndefined();
  });

  test("the first of two values counts, and what is no pair is passed over", () => {
    expect(decode(`&&=&=x&novalue&${BARE}&port=1&left=5&`)).toMatchObject({ port: 6881, left: 0 });
  });

  test("keys that are empty, broken or too long are none", () => {
    for (const key of ["", "%zz", "k".repeat(LIMITS.tracker.keyBytesMost + 1), "%41".repeat(65)]) {
      expect(decode(`${BARE}&key=${key}`).key).toBeUndefined();
    }
    expect(decode(`${BARE}&key=${"%41".repeat(64)}`).key).toBe("41".repeat(64));
  });
});

describe("an announce that is refused, with the parameter named", () => {
  test.each([
    ["", "info_hash: missing"],
    [BARE.replace(/info_hash=.*?&/, ""), "info_hash: missing"],
    [BARE.replace("%00A", "A"), "info_hash"],
    [BARE.replace("%00A", "%00AA"), "info_hash"],
    [BARE.replace("%00A", "%0gA"), "info_hash"],
    [BARE.replace("%FFz", "%FF%7"), "info_hash"],
    [BARE.replace("%FFz", "%FF\u0100"), "info_hash"],
    [BARE.replace(INFO_HASH, "%00".repeat(100)), "info_hash"],
    [BARE.replace(PEER_ID, "short"), "peer_id: short"],
    [BARE.replace("&port=6881", ""), "port: missing"],
    [BARE.replace("6881", "65536"), "port: 65536"],
    [BARE.replace("6881", "-1"), "port: -1"],
    [BARE.replace("6881", "1e3"), "port: 1e3"],
    [BARE.replace("6881", "<script>"), "port: ?script?"],
    [BARE.replace("&left=0", ""), "left: missing"],
    [BARE.replace("left=0", "left=-1"), "left: -1"],
    [`${BARE}&event=destroyed`, "event: destroyed"],
    [`${BARE}&ct=1&ct_up=5`, "ct_up and ct_down go together"],
    [`${BARE}&ct=1&ct_up=5&ct_down=-5`, "ct_down: -5"],
    [`${BARE}&ct=1&ct_ext=many`, "ct_ext: many"],
    [`${BARE}&ct=1&ct_term=1.5`, "ct_term: 1.5"],
    [`${BARE}&ct=1&ct_local=`, "ct_local"],
    [`${BARE}&ct=1&ct_local=192.168.0.1`, "ct_local: 192.168.0.1"],
    [`${BARE}&ct=1&ct_local=192.168.0.1:0`, "ct_local"],
    [`${BARE}&ct=1&ct_local=%zz`, "ct_local: %zz"],
    [`${BARE}&ct=1&ct_stalled=nobody`, "ct_stalled: nobody"],
  ])("%s", (query, said) => {
    expect(decodeAnnounceRequest(query)).toMatchObject({
      ok: false,
      error: { code: "CT_ERR_ANNOUNCE", message: expect.stringContaining(said) },
    });
  });
});

describe("a member's announce", () => {
  test("`ct=1` alone makes a member; other versions and stock clients are none", () => {
    expect(member("")).toEqual({ term: 0, externalBytes: 0, internalBytes: 0 });
    expect(decode(BARE).member).toBeUndefined();
    expect(decode(`${BARE}&ct=2&ct_up=x`).member).toBeUndefined();
    expect(decode(`${BARE}&ct_up=1&ct_down=1`).member).toBeUndefined();
  });

  test("a declared capacity is clipped to 100 Gb/s", () => {
    const most = 12_500_000_000;
    expect(member(`ct_up=${most + 1}&ct_down=18446744073709551615`)?.capacity).toEqual({
      up: most,
      down: most,
    });
    expect(member(`ct_up=${most}&ct_down=0`)?.capacity).toEqual({ up: most, down: 0 });
  });

  test.each([
    [1000, 300, 700, 300, 700],
    [1000, 300, 200, 300, 200],
    [1000, 1001, 0, 1000, 0],
    [1000, 600, 600, 600, 400],
    [0, 5, 5, 0, 0],
  ])(
    "of %i bytes downloaded, %i external and %i internal are taken for %i and %i",
    (downloaded, ext, int, taken, rest) => {
      expect(member(`ct_ext=${ext}&ct_int=${int}`, downloaded)).toMatchObject({
        externalBytes: taken,
        internalBytes: rest,
      });
    },
  );
});
