import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type Asn,
  DENY_REASONS,
  decodeAnnounceAnswer,
  decodeAnnounceRequest,
  decodeCtCache,
  decodeLeadersAnswer,
  decodeLeadersQuery,
  decodeLocateAnswer,
  decodeLocateQuery,
  decodeTrackerDict,
  encodeAnnounceAnswer,
  encodeAnnounceRequest,
  encodeCtCache,
  encodeFailure,
  encodeLeadersAnswer,
  encodeLeadersQuery,
  encodeLocateAnswer,
  encodeLocateQuery,
  encodeScrapeAnswer,
  formatEndpoint,
  infoHashFromBytes,
  REFUSALS,
  RELEASE_REASONS,
  unwrap,
} from "../src/index.ts";

const document = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");

/** The lines of the fenced block that is headed `example NAME`. */
function example(name: string): string[] {
  const body = new RegExp(`\`\`\`example ${name}\\n([^\`]*)\`\`\``).exec(document)?.[1];
  if (body === undefined) throw new Error(`docs/protocol.md has no example ${name}`);
  return body.trim().split("\n");
}

function hexExample(name: string): Buffer {
  return Buffer.from(example(name).join("").replaceAll(/\s/g, ""), "hex");
}

/** Messages with empty lines between them, each in lines of hex and then in lines of text. */
function dumps(name: string): { bytes: Buffer; text: string }[] {
  const isHex = (line: string) => /^[0-9a-f]+$/.test(line);
  return example(name)
    .join("\n")
    .split("\n\n")
    .map((dump) => dump.split("\n"))
    .map((lines) => ({
      bytes: Buffer.from(lines.filter(isHex).join(""), "hex"),
      text: lines.filter((line) => !isHex(line)).join(""),
    }));
}

/** Unprintable bytes as `\x..`. */
function printed(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replaceAll(/[^\x20-\x7e]/g, (byte) => `\\x${Buffer.from(byte, "latin1").toString("hex")}`);
}

const [asker] = example("announce-request");
const peer = unwrap(decodeAnnounceRequest(asker ?? ""));

describe("the examples of docs/protocol.md are what the code reads and writes", () => {
  it("announce request", () => {
    expect(encodeAnnounceRequest(peer)).toBe(asker);
    expect(peer.member?.capacity).toEqual({ up: 4_000_000, down: 12_500_000 });
  });

  it("announce answer", () => {
    const bytes = hexExample("announce-answer");
    const answer = unwrap(decodeAnnounceAnswer(bytes));
    expect(answer.peers.map(({ asn }) => asn)).toEqual([64501, 64502]);
    expect(answer.ct?.leaders?.term).toBe(1_700_000_000_000);
    expect(Buffer.from(encodeAnnounceAnswer(answer, { compact: true }))).toEqual(bytes);
  });

  it("leaders request and answer", () => {
    const query = example("leaders-request")[0] ?? "";
    expect(encodeLeadersQuery(unwrap(decodeLeadersQuery(query)))).toBe(query);
    const bytes = hexExample("leaders-answer");
    expect(Buffer.from(encodeLeadersAnswer(unwrap(decodeLeadersAnswer(bytes))))).toEqual(bytes);
  });

  it("locate request and answer", () => {
    const query = example("locate-request")[0] ?? "";
    expect(encodeLocateQuery(unwrap(decodeLocateQuery(query)))).toBe(query);
    const bytes = hexExample("locate-answer");
    const located = unwrap(decodeLocateAnswer(bytes, 2));
    expect(located).toEqual([
      { asn: 64502 as Asn, known: true },
      { asn: 0 as Asn, known: false },
    ]);
    expect(Buffer.from(encodeLocateAnswer(located))).toEqual(bytes);
  });

  it("leaders answer under multi, as hex and as text", () => {
    const [dump] = dumps("leaders-answer-multi");
    const answer = unwrap(decodeLeadersAnswer(dump?.bytes ?? Buffer.of()));
    expect(Buffer.from(encodeLeadersAnswer(answer))).toEqual(dump?.bytes);
    expect(printed(Buffer.from(encodeLeadersAnswer(answer)))).toBe(dump?.text);
    expect(answer.policy).toEqual({ name: "multi", ranges: 2, leaderPercent: 10, deadlineMs: 5000 });
    const leaders = answer.leaders?.leaders.map(({ peerId, range }) => ({ peerId, range }));
    expect(leaders).toEqual([
      { peerId: expect.not.stringMatching(peer.peerId), range: 0 },
      { peerId: peer.peerId, range: 1 },
    ]);
  });

  it("leaders answer under coordinated, as hex and as text", () => {
    const [dump] = dumps("leaders-answer-coordinated");
    const answer = unwrap(decodeLeadersAnswer(dump?.bytes ?? Buffer.of()));
    expect(Buffer.from(encodeLeadersAnswer(answer))).toEqual(dump?.bytes);
    expect(printed(Buffer.from(encodeLeadersAnswer(answer)))).toBe(dump?.text);
    expect(answer.policy).toMatchObject({ name: "coordinated", fetchers: "all", relief: 1.5 });
    expect(answer.ases).toEqual([
      { asn: 64501, up: 16_500_000, isOrigin: false },
      { asn: 64502, up: 12_500_000, isOrigin: true },
    ]);
  });

  it("every ct_cache message, as hex and as text", () => {
    const messages = dumps("ct-cache").map(({ bytes, text }) => {
      const message = unwrap(decodeCtCache(bytes, 128));
      if (message.m === "unknown") throw new Error(`docs/protocol.md: unknown message ${message.said}`);
      expect(Buffer.from(encodeCtCache(message))).toEqual(bytes);
      expect(printed(bytes)).toBe(text);
      if ("dest" in message) expect(formatEndpoint(message.dest)).toBe("198.18.2.9:51413");
      return message;
    });
    const rows = document.matchAll(/^\| `(\w+)` \| (?:follower|leader|either|member|head) to/gm);
    const names = [...rows].map(([, m]) => m);
    expect(names).toHaveLength(17);
    expect([...new Set(messages.map(({ m }) => (m === "taken_map" ? "taken" : m)))]).toEqual(names);
  });

  it("the second half of a fwd_bitfield is what it is said to be", () => {
    const maps = dumps("ct-cache").flatMap(({ bytes }) => {
      const message = unwrap(decodeCtCache(bytes, 128));
      return message.m === "fwd_bitfield" ? [message] : [];
    });
    const [whole, half] = maps;
    expect([whole?.from, half?.from]).toEqual([0, 64]);
    expect(half?.bits).toEqual(whole?.bits.subarray(8));
  });

  it("the numbers of refusals", () => {
    const list = REFUSALS.map((why, i) => `${i + 1} \`${why}\``).join(", ");
    expect(document).toContain(`| \`why\` | ${list}. `);
  });

  it.each([
    ["deny", DENY_REASONS],
    ["release", RELEASE_REASONS],
  ])("the numbers of the reasons of a %s", (m, reasons) => {
    const list = reasons.map((why, i) => `${i + 1} \`${why}\``).join(", ");
    expect(document).toContain(`| \`why\` of \`${m}\` | ${list}. `);
  });

  it("scrape answer", () => {
    const infoHash = infoHashFromBytes(Buffer.from("0123456789abcdef0123456789abcdef01234567", "hex"));
    const answer = encodeScrapeAnswer(new Map([[infoHash, { complete: 1, downloaded: 3, incomplete: 2 }]]));
    expect(Buffer.from(answer)).toEqual(hexExample("scrape-answer"));
  });

  it("failure, as hex and as text", () => {
    const [hex, text] = example("failure");
    const bytes = Buffer.from((hex ?? "").replaceAll(" ", ""), "hex");
    expect(bytes.toString()).toBe(text);
    expect(Buffer.from(encodeFailure("unknown peer"))).toEqual(bytes);
    expect(decodeTrackerDict(bytes)).toMatchObject({ ok: false, error: { message: "unknown peer" } });
  });
});
