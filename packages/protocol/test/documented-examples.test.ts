import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type Asn,
  decodeAnnounceAnswer,
  decodeAnnounceRequest,
  decodeLeadersAnswer,
  decodeLeadersQuery,
  decodeLocateAnswer,
  decodeLocateQuery,
  decodeTrackerDict,
  encodeAnnounceAnswer,
  encodeAnnounceRequest,
  encodeFailure,
  encodeLeadersAnswer,
  encodeLeadersQuery,
  encodeLocateAnswer,
  encodeLocateQuery,
  encodeScrapeAnswer,
  infoHashFromBytes,
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
