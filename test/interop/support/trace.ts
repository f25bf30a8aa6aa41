import { readFile } from "node:fs/promises";

/** One line of `--trace`. Which fields there are beside the first five depends on `m`. */
export interface TraceLine {
  readonly at: number;
  readonly dir: "in" | "out";
  readonly endpoint: string;
  readonly asn: number;
  readonly m: string;
  readonly piece?: number;
  readonly begin?: number;
  readonly length?: number;
  /** A bitfield's count of pieces; elsewhere the pieces themselves. */
  readonly pieces?: number | readonly number[];
  /** Of an extended handshake (BEP 10), by name. */
  readonly extensions?: Readonly<Record<string, number>>;
}

/** How a torrent is cut, where it has one file. */
export interface Shape {
  readonly length: number;
  readonly pieceLength: number;
}

/** Throws where the peer left lines out: nothing could be said of it then. */
export async function readTrace(file: string): Promise<TraceLine[]> {
  const text = await readFile(file, "utf8");
  const lines = text.split("\n").filter(Boolean);
  const trace = lines.map((line) => JSON.parse(line) as TraceLine);
  if (trace.some((line) => line.m === "lines lost")) throw new Error(`${file} is not complete`);
  return trace;
}

export function addressOf({ endpoint }: TraceLine): string {
  return endpoint.slice(0, endpoint.lastIndexOf(":"));
}

/**
 * Of a leader in `asn` that the tracker tells of no peers: what passed over connections that it dialled outside, for it does so for
 * followers only. What the other side dialled itself, and what is dialled again, is as direct as any.
 */
export function indirectLines(trace: readonly TraceLine[], asn: number): TraceLine[] {
  const indirect = new Map<string, string | undefined>();
  return trace.filter((line) => {
    const { dir, endpoint, m } = line;
    const address = addressOf(line);
    if (m === "handshake" && !indirect.has(address)) {
      indirect.set(address, dir === "out" && line.asn !== asn ? endpoint : undefined);
    } else if (m === "handshake" && (dir === "out" || endpoint !== indirect.get(address))) {
      indirect.set(address, undefined);
    }
    return indirect.get(address) === endpoint;
  });
}

/** Of a peer that began with nothing: each message that told of, or was, a piece of which it had not received every block yet. */
export function claimsBeforeReceipt(trace: readonly TraceLine[], shape: Shape): TraceLine[] {
  const received = new Received(shape);
  return trace.filter((line) => {
    const { m, piece = 0 } = line;
    if (line.dir === "in") {
      if (m === "piece") received.add(line);
      return false;
    }
    if (m === "have" || m === "piece") return !received.isWhole(piece);
    if (m === "bitfield") return Number(line.pieces) > received.whole;
    return m === "have_all" && received.whole < received.pieceCount;
  });
}

class Received {
  readonly pieceCount: number;
  /** How many pieces are whole. */
  whole = 0;
  readonly #shape: Shape;
  /** By piece, the bytes that its blocks make so far, by where they begin. */
  readonly #blocks = new Map<number, Map<number, number>>();

  constructor(shape: Shape) {
    this.#shape = shape;
    this.pieceCount = Math.ceil(shape.length / shape.pieceLength);
  }

  add({ piece = 0, begin = 0, length = 0 }: TraceLine): void {
    const wasWhole = this.isWhole(piece);
    this.#blocks.set(piece, (this.#blocks.get(piece) ?? new Map<number, number>()).set(begin, length));
    if (!wasWhole && this.isWhole(piece)) this.whole++;
  }

  isWhole(piece: number): boolean {
    const { length, pieceLength } = this.#shape;
    const bytes = Math.min(pieceLength, length - piece * pieceLength);
    const blocks = this.#blocks.get(piece)?.values() ?? [];
    return [...blocks].reduce((sum, block) => sum + block, 0) === bytes;
  }
}
