import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressBytes,
  addressFromBytes,
  type Bencodable,
  type BencodeValue,
  decodeAnnounceAnswer,
  decodeAnnounceRequest,
  decodeAsns,
  decodeBencode,
  decodeBencodeDict,
  decodeCompact,
  decodeLeadersAnswer,
  decodeLeadersQuery,
  decodeLocateAnswer,
  decodeLocateQuery,
  decodeScrapeQuery,
  decodeUdpTrackerAnswer,
  decodeUdpTrackerRequest,
  encodeAnnounceAnswer,
  encodeAnnounceRequest,
  encodeAsns,
  encodeBencode,
  encodeCompact,
  encodeLeadersAnswer,
  encodeLeadersQuery,
  encodeLocateAnswer,
  encodeLocateQuery,
  encodeScrapeAnswer,
  encodeUdpTrackerAnswer,
  encodeUdpTrackerRequest,
  formatEndpoint,
  formatRate,
  formatSize,
  idBytes,
  parseAddress,
  parseAsn,
  parseEndpoint,
  parseRate,
  parseSize,
  percentDecode,
  percentEncode,
  scanBencode,
  unwrap,
} from "../src/index.ts";
import * as any from "./arbitraries.ts";

/** What values are once decoded: text is bytes. */
const bencodable = fc.letrec<{ value: Bencodable }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.maxSafeInteger().map((n) => n || 0), // no -0
    fc.uint8Array(),
    fc.array(tie("value")),
    fc
      .dictionary(fc.string(), tie("value"), { noNullPrototype: true })
      .filter((dict) => !Object.hasOwn(dict, "__proto__")),
  ),
})).value;

const query = fc.record({ infoHash: any.infoHash, peerId: any.peerId });
const leadersQuery = fc.record({ infoHash: any.infoHash, peerId: any.peerId, term: fc.maxSafeNat() });
const endpoints = fc.array(any.endpoint, { minLength: 1, maxLength: 50 });
const locateQuery = fc.record({ infoHash: any.infoHash, peerId: any.peerId, endpoints });
const located = fc.array(fc.record({ asn: any.asn, known: fc.boolean() }), { maxLength: 50 });
const scrapeEntry = fc.record({
  complete: fc.maxSafeNat(),
  downloaded: fc.maxSafeNat(),
  incomplete: fc.maxSafeNat(),
});
const scrape = fc.array(fc.tuple(any.infoHash, scrapeEntry), { maxLength: 10 }).map((all) => new Map(all));

describe("decode(encode(x)) = x", () => {
  test("bencode", () => {
    fc.assert(
      fc.property(bencodable, (value) => {
        expect(unwrap(decodeBencode(encodeBencode(value)))).toEqual(value);
      }),
    );
  });

  test("the announce", () => {
    fc.assert(
      fc.property(any.announceRequest, (request) => {
        expect(unwrap(decodeAnnounceRequest(encodeAnnounceRequest(request)))).toEqual(request);
      }),
    );
  });

  test("its answer with compact lists", () => {
    fc.assert(
      fc.property(any.compactAnswer, (answer) => {
        expect(unwrap(decodeAnnounceAnswer(encodeAnnounceAnswer(answer, { compact: true })))).toEqual(answer);
      }),
    );
  });

  test("its answer with dictionaries", () => {
    fc.assert(
      fc.property(any.dictionaryAnswer, (answer) => {
        expect(unwrap(decodeAnnounceAnswer(encodeAnnounceAnswer(answer, { compact: false })))).toEqual(
          answer,
        );
      }),
    );
  });

  test("the leaders' long poll and its answer", () => {
    fc.assert(
      fc.property(leadersQuery, any.ctAnswer, (asked, answer) => {
        expect(unwrap(decodeLeadersQuery(encodeLeadersQuery(asked)))).toEqual(asked);
        expect(unwrap(decodeLeadersAnswer(encodeLeadersAnswer(answer)))).toEqual(answer);
      }),
    );
  });

  test("locate and its answer", () => {
    fc.assert(
      fc.property(locateQuery, located, (asked, answer) => {
        expect(unwrap(decodeLocateQuery(encodeLocateQuery(asked)))).toEqual(asked);
        expect(unwrap(decodeLocateAnswer(encodeLocateAnswer(answer), answer.length))).toEqual(answer);
      }),
    );
  });

  test("what goes to a tracker over UDP, and its answer", () => {
    const families = fc.tuple(any.udpTrackerAnswer(any.ipv4), any.udpTrackerAnswer(any.ipv6));
    fc.assert(
      fc.property(any.udpTrackerRequest, families, (asked, [v4, v6]) => {
        expect(unwrap(decodeUdpTrackerRequest(encodeUdpTrackerRequest(asked)))).toEqual(asked);
        expect(unwrap(decodeUdpTrackerAnswer(encodeUdpTrackerAnswer(v4), "IPv4"))).toEqual(v4);
        expect(unwrap(decodeUdpTrackerAnswer(encodeUdpTrackerAnswer(v6), "IPv6"))).toEqual(v6);
      }),
    );
  });

  test("compact lists and AS numbers", () => {
    const lists = fc.tuple(
      fc.array(any.endpointOf(any.ipv4)),
      fc.array(any.endpointOf(any.ipv6)),
      fc.array(any.asn),
    );
    fc.assert(
      fc.property(lists, ([v4, v6, asns]) => {
        expect(unwrap(decodeCompact(encodeCompact(v4), "IPv4"))).toEqual(v4);
        expect(unwrap(decodeCompact(encodeCompact(v6), "IPv6"))).toEqual(v6);
        expect(decodeAsns(encodeAsns(asns), asns.length)).toEqual(asns);
      }),
    );
  });

  test("addresses and endpoints", () => {
    fc.assert(
      fc.property(any.endpoint, (endpoint) => {
        expect(addressFromBytes(addressBytes(endpoint.address))).toBe(endpoint.address);
        expect(parseAddress(endpoint.address)).toBe(endpoint.address);
        expect(unwrap(parseEndpoint(formatEndpoint(endpoint)))).toEqual(endpoint);
      }),
    );
  });

  test("percent-encoding", () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        (bytes) => void expect(percentDecode(percentEncode(bytes))).toEqual(bytes),
      ),
    );
  });

  test("AS numbers, with and without their prefix", () => {
    fc.assert(
      fc.property(any.knownAsn, (asn) => {
        expect([parseAsn(`AS${asn}`), parseAsn(`${asn}`)]).toEqual([asn, asn]);
      }),
    );
  });
});

describe("a scrape", () => {
  test("is one bencoded dictionary, its keys in the order of their bytes", () => {
    fc.assert(
      fc.property(scrape, (entries) => {
        const bytes = encodeScrapeAnswer(entries);
        expect(scanBencode(bytes).ok).toBe(true);
        const places = [...entries.keys()].map((hash) => ({
          hash,
          at: Buffer.from(bytes).indexOf(idBytes(hash)),
        }));
        const byPlace = places.toSorted((a, b) => a.at - b.at).map(({ hash }) => idBytes(hash));
        expect(byPlace).toEqual(byPlace.toSorted(Buffer.compare));
      }),
    );
  });

  test("asks for as many info-hashes as it names", () => {
    fc.assert(
      fc.property(fc.array(any.infoHash, { maxLength: 64 }), (hashes) => {
        const asked = hashes.map((hash) => `info_hash=${percentEncode(idBytes(hash))}`).join("&");
        expect(unwrap(decodeScrapeQuery(asked))).toEqual(hashes);
      }),
    );
  });
});

/** Returns a value or a typed error for whatever it is given. */
function isTotal<T>(input: fc.Arbitrary<T>, decode: (input: T) => unknown): void {
  fc.assert(
    fc.property(input, (value) => void decode(value)),
    { numRuns: 1000 },
  );
}

describe("decoders never throw", () => {
  const noise = fc.uint8Array({ maxLength: 200 });
  const text = fc.string({ unit: "binary", maxLength: 200 });

  const ofBytes: [string, fc.Arbitrary<Uint8Array>, (bytes: Uint8Array) => unknown][] = [
    ["bencode", bencodable.map(encodeBencode), (bytes) => [decodeBencode(bytes), decodeBencodeDict(bytes)]],
    [
      "compact answers",
      any.compactAnswer.map((it) => encodeAnnounceAnswer(it, { compact: true })),
      decodeAnnounceAnswer,
    ],
    [
      "dictionary answers",
      any.dictionaryAnswer.map((it) => encodeAnnounceAnswer(it, { compact: false })),
      decodeAnnounceAnswer,
    ],
    ["leaders answers", any.ctAnswer.map(encodeLeadersAnswer), decodeLeadersAnswer],
    ["locate answers", located.map(encodeLocateAnswer), (bytes) => decodeLocateAnswer(bytes, 3)],
    [
      "compact lists",
      fc.array(any.endpointOf(any.ipv6)).map(encodeCompact),
      (bytes) => decodeCompact(bytes, "IPv6"),
    ],
    ["what comes over UDP", any.udpTrackerRequest.map(encodeUdpTrackerRequest), decodeUdpTrackerRequest],
    [
      "what a tracker answers over UDP",
      any.udpTrackerAnswer(any.ipv6).map(encodeUdpTrackerAnswer),
      (bytes) => [decodeUdpTrackerAnswer(bytes, "IPv4"), decodeUdpTrackerAnswer(bytes, "IPv6")],
    ],
    ["lists of ASNs", fc.array(any.asn).map(encodeAsns), (bytes) => decodeAsns(bytes, 5)],
  ];
  test.each(ofBytes)("%s", (_, valid, decode) => isTotal(fc.oneof(noise, any.mutated(valid)), decode));

  const ofText: [string, fc.Arbitrary<string>, (text: string) => unknown][] = [
    ["announces", any.announceRequest.map(encodeAnnounceRequest), decodeAnnounceRequest],
    ["leaders queries", leadersQuery.map(encodeLeadersQuery), decodeLeadersQuery],
    ["locate queries", locateQuery.map(encodeLocateQuery), decodeLocateQuery],
    ["scrapes", query.map((it) => `info_hash=${percentEncode(idBytes(it.infoHash))}`), decodeScrapeQuery],
    ["percent-encoding", fc.uint8Array().map(percentEncode), percentDecode],
    ["addresses", any.address, parseAddress],
    ["endpoints", any.endpoint.map(formatEndpoint), (it) => parseEndpoint(it)],
    ["AS numbers", any.asn.map((asn) => `AS${asn}`), parseAsn],
    ["sizes", fc.nat().map(formatSize), parseSize],
    ["rates", fc.nat().map(formatRate), parseRate],
  ];
  test.each(ofText)("%s", (_, valid, decode) => isTotal(fc.oneof(text, any.mutatedQuery(valid)), decode));
});

describe("what decoders accept, they bound", () => {
  test("an announce's numbers are integers within their limits, and its reported bytes no more than it downloaded", () => {
    isTotal(any.mutatedQuery(any.announceRequest.map(encodeAnnounceRequest)), (mutant) => {
      const decoded = decodeAnnounceRequest(mutant);
      if (!decoded.ok) return;
      const { port, uploaded, downloaded, left, numwant, member } = decoded.value;
      for (const number of [port, uploaded, downloaded, left, numwant ?? 0, member?.term ?? 0]) {
        expect(Number.isSafeInteger(number) && number >= 0).toBe(true);
      }
      if (member) expect(member.externalBytes + member.internalBytes).toBeLessThanOrEqual(downloaded);
    });
  });

  test("what the bencode scan accepts, the library decodes with the same keys and nothing else", () => {
    isTotal(any.mutated(bencodable.map(encodeBencode)), (mutant) => {
      const decoded = decodeBencode(mutant);
      if (decoded.ok) expectPlain(decoded.value);
      const keys = scanBencode(mutant);
      const dict = decodeBencodeDict(mutant);
      if (keys.ok && dict.ok)
        expect([...keys.value.keys()].toSorted()).toEqual(Object.keys(dict.value).toSorted());
    });
  });
});

function expectPlain(value: BencodeValue): void {
  if (typeof value === "number") expect(Number.isSafeInteger(value)).toBe(true);
  else if (Array.isArray(value)) value.forEach(expectPlain);
  else if (!(value instanceof Uint8Array)) {
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    Object.values(value).forEach(expectPlain);
  }
}
