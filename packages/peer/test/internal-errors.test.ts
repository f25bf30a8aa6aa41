import { systemClock } from "@cachetorrent/clock";
import { CT_CACHE, encodeCtCache, formatEndpoint } from "@cachetorrent/protocol";
import Wire from "bittorrent-protocol";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { noTrace } from "../src/accounts/trace.ts";
import { Connection } from "../src/wire/connection.ts";
import type { ConnectionOwner } from "../src/wire/connection-owner.ts";
import { extensionNamed } from "../src/wire/extension.ts";
import { asn, endpoint, infoHash, otherPeerId, peerId } from "./support/samples.ts";
import { socketPair } from "./support/socket-pair.ts";
import { until } from "./support/until.ts";

type Owner = ConnectionOwner<Connection>;

const fail = (): never => {
  throw new TypeError("a fault of ours");
};

/** Connections of one owner, with a log and a wire at the other end of each. */
function given(faulty: Partial<Owner>) {
  const lines: { readonly level: number; readonly event?: string; readonly endpoint?: string }[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const closed = new Map<Connection, string>();
  const haves: Connection[] = [];
  const owner: Owner = {
    handshaken: () => true,
    ready: () => undefined,
    mapped: () => undefined,
    has: (connection) => void haves.push(connection),
    interestChanged: () => undefined,
    choked: () => undefined,
    unchoked: () => undefined,
    released: () => undefined,
    land: () => undefined,
    block: () => undefined,
    mayServe: () => false,
    requested: () => undefined,
    introduced: () => undefined,
    told: () => undefined,
    toldOfPeers: () => undefined,
    closed: (connection, reason) => void closed.set(connection, reason),
    ...faulty,
  };
  const join = async (remote: string) => {
    const [ours, theirs] = await socketPair();
    const connection = new Connection({
      socket: ours,
      direction: "out",
      remote: endpoint(remote),
      asn: asn(1),
      infoHash,
      peerId,
      shape: { pieceCount: 16, pieceSize: () => 16384 },
      owner,
      clock: systemClock,
      log,
      trace: noTrace,
      extendedHandshake: {},
    });
    const wire = new Wire();
    wire.use(extensionNamed(CT_CACHE));
    wire.on("data", (bytes) => theirs.writable && theirs.write(bytes));
    theirs.on("data", (bytes: Uint8Array) => wire.write(bytes));
    theirs.on("error", () => theirs.destroy());
    wire.on("handshake", () => wire.handshake(infoHash, otherPeerId, { fast: true }));
    await until("hands are shaken", () => connection.speaksCtCache);
    return { connection, theirs, wire };
  };
  const faults = () => lines.filter(({ event }) => event === "internal error");
  return { closed, faults, haves, join };
}

type Joined = Awaited<ReturnType<ReturnType<typeof given>["join"]>>;

describe("what our own code throws closes the connection it happened on, and not the process:", () => {
  it.each<[what: string, faulty: Partial<Owner>, cause: (joined: Joined) => void]>([
    ["at a have", { has: fail }, ({ wire }) => wire.have(3)],
    [
      "at a ct_cache message",
      { told: fail },
      ({ wire }) => wire.extended(CT_CACHE, encodeCtCache({ m: "want", pieces: [1], term: 1 })),
    ],
    [
      "at a request",
      { mayServe: fail },
      ({ connection, wire }) => {
        wire.on("unchoke", () => wire.request(1, 0, 16384, () => undefined));
        connection.upload.unchoke();
      },
    ],
  ])("%s", async (_, faulty, cause) => {
    const { closed, faults, join } = given(faulty);
    const bad = await join("198.18.0.1:6881");
    const good = await join("198.18.0.2:6881");
    cause(bad);
    await until("it is closed", () => closed.has(bad.connection) && bad.theirs.readableEnded);
    expect(closed.get(bad.connection)).toBe("internal error");
    expect(faults()).toMatchObject([
      {
        level: 50,
        endpoint: formatEndpoint(bad.connection.remote),
        err: { message: "a fault of ours", stack: expect.stringContaining("internal-errors.test.ts") },
      },
    ]);
    good.wire.bitfield(Buffer.of(0x80, 0));
    await until("the other one goes on", () => good.connection.theirs.has(0));
    expect(closed.size).toBe(1);
  });

  it("nothing that came with the message is read", async () => {
    const { closed, haves, join } = given({ interestChanged: fail });
    const { connection, wire } = await join("198.18.0.1:6881");
    wire.interested();
    wire.have(1);
    await until("it is closed", () => closed.has(connection));
    expect([haves.length, closed.get(connection)]).toEqual([0, "internal error"]);
  });

  it("at the end of a connection, too", async () => {
    const { closed, faults, join } = given({ released: fail });
    const { connection, theirs } = await join("198.18.0.1:6881");
    connection.request(1, 0, 16384);
    theirs.destroy();
    await until("it is closed", () => closed.has(connection));
    expect(faults()).toHaveLength(1);
  });

  it("when it is told that a connection is closed", async () => {
    const { faults, join } = given({ closed: fail });
    const { theirs } = await join("198.18.0.1:6881");
    theirs.destroy();
    await until("that is in the log", () => faults().length === 1);
  });
});
