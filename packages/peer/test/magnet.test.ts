import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isMagnet, parseMagnet } from "../src/metainfo/magnet.ts";

const HEX = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a";
/** The same 20 bytes. */
const BASE32 = "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK";
const LINK = `magnet:?xt=urn:btih:${HEX}`;

describe("a magnet link", () => {
  it.each([
    ["hex digits", HEX],
    ["hex digits in capitals", HEX.toUpperCase()],
    ["base32", BASE32],
    ["base32 in small letters", BASE32.toLowerCase()],
  ])("has the info-hash in %s", (_, digits) => {
    expect(parseMagnet(`magnet:?xt=urn:btih:${digits}`).infoHash).toBe(HEX);
  });

  it("has a name, trackers, peers and web seeds, escaped or not, numbered or not, each once", () => {
    const link = [
      `MAGNET:?dn=a+name%20of%20it&xt.1=urn:btih:${HEX}`,
      "tr=http%3A%2F%2Ftracker.example%2Fannounce%3Fa%3Db&tr.1=udp://second.example:80/announce?c=d",
      "tr=udp://second.example:80/announce?c=d&tr=",
      "x.pe=198.18.0.1:6881&x.pe=%5B2001:db8::1%5D:6882&x.pe=peer.example:6881&x.pe=198.18.0.1:0",
      "ws=http://web.example/file&kt=ignored&so=0&x.unknown=1",
    ].join("&");
    expect(parseMagnet(link)).toEqual({
      infoHash: HEX,
      name: "a name of it",
      trackers: ["http://tracker.example/announce?a=b", "udp://second.example:80/announce?c=d"],
      peers: [
        { address: "198.18.0.1", port: 6881 },
        { address: "2001:db8::1", port: 6882 },
      ],
      webSeeds: ["http://web.example/file"],
      unusable: ["peer.example:6881", "198.18.0.1:0"],
    });
  });

  it("of a hybrid torrent is used by its v1 part", () => {
    expect(parseMagnet(`magnet:?xt=urn:btmh:1220${"ab".repeat(32)}&xt=urn:btih:${HEX}`).infoHash).toBe(HEX);
  });

  it.each([
    ["no parameters", "magnet:", 'has no "?"'],
    ["no info-hash", "magnet:?dn=name", "has no info-hash"],
    ["an info-hash of 39 digits", `magnet:?xt=urn:btih:${HEX.slice(1)}`, HEX.slice(1)],
    ["one of other letters", `magnet:?xt=urn:btih:${"g".repeat(40)}`, "40 hex digits"],
    ["one of 41 digits", `${LINK}0`, "40 hex digits"],
    ["two torrents", `${LINK}&xt=urn:btih:${"0".repeat(40)}`, "two torrents"],
    ["16 KiB and more", `${LINK}&dn=${"x".repeat(16 * 1024)}`, "more than 16384"],
  ])("with %s is refused by what is wrong", (_, link, fault) => {
    const refused = expect.objectContaining({
      code: "CT_ERR_MAGNET",
      message: expect.stringContaining(fault),
    });
    expect(() => parseMagnet(link)).toThrow(refused);
  });

  it("of a v2 torrent alone is refused as such", () => {
    expect(() => parseMagnet(`magnet:?xt=urn:btmh:1220${"ab".repeat(32)}`)).toThrow(
      expect.objectContaining({ code: "CT_ERR_TORRENT_V2_ONLY" }),
    );
  });

  it("does not tell its trackers in an error: their URLs may be passwords", () => {
    const link = "magnet:?xt=urn:btih:short&tr=http://tracker.example/SECRET/announce";
    expect(() => parseMagnet(link)).toThrow(/^magnet:\?xt=urn:btih:short&…: /);
    expect(() => parseMagnet(link)).not.toThrow(/SECRET/);
  });

  it("is parsed, or refused by a CtError, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: "binary" }), (text) => {
        const link = `magnet:?${text}`;
        expect(isMagnet(link)).toBe(true);
        try {
          expect(parseMagnet(`${LINK}&${text.replaceAll("xt", "")}`).infoHash).toBe(HEX);
          parseMagnet(link);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^CT_ERR_(MAGNET|TORRENT_V2_ONLY)$/) });
        }
      }),
    );
  });
});
