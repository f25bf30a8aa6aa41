import type { Stage } from "./encryption.ts";

/** `answer`, `udp`: what a tracker tells a peer over HTTP and UDP; `dialled`: what a peer hears from whom it dialled. */
export type Target = "seed" | "leecher" | "tracker" | "answer" | "udp" | "dialled";

/** What one connection sends, or what comes back to one datagram. */
export interface Input {
  readonly target: Target;
  /** Reports count by it. */
  readonly kind: string;
  /** A handshake for the swarm's torrent goes first. */
  readonly handshake?: boolean;
  /** An encrypted handshake goes before all, as far as this. */
  readonly encrypted?: Stage;
  /** Of `udp`: to which question. */
  readonly answers?: "connect" | "announce";
  /** Of `udp`: it has another transaction id than the question. */
  readonly isStray?: boolean;
  readonly bytes: Uint8Array;
  /** Bytes a write, or a datagram; all at once without it. */
  readonly chunk?: number;
  /** So long the connection stays when all is sent. */
  readonly lingerMs: number;
}

/** An input that is kept in a file, one JSON object a line. `peer` stands for the seed and the leecher. */
export interface KeptInput {
  readonly target: Target | "peer";
  /** In hex; words are joined, and `6c*1000` is a word a thousand times. */
  readonly bytes: string;
  readonly handshake?: boolean;
  readonly encrypted?: Stage;
  readonly answers?: "connect" | "announce";
  readonly isStray?: boolean;
  readonly chunk?: number;
  /** What went wrong with it once, or may. */
  readonly why: string;
}

export function keptInput(input: Input, why: string): KeptInput {
  const { answers, bytes, chunk, encrypted, handshake, isStray, target } = input;
  return {
    target,
    ...(handshake ? { handshake } : {}),
    ...(encrypted ? { encrypted } : {}),
    ...(answers ? { answers } : {}),
    ...(isStray ? { isStray } : {}),
    ...(chunk === undefined ? {} : { chunk }),
    why,
    bytes: Buffer.from(bytes).toString("hex"),
  };
}

export function bytesOf({ bytes }: KeptInput): Uint8Array {
  const words = bytes.split(" ").map((word) => {
    const [, hex, times = "1"] = /^((?:[0-9a-f]{2})*)(?:\*(\d+))?$/.exec(word) ?? [];
    if (hex === undefined) throw new SyntaxError(`not hex, nor hex*times: ${word}`);
    return Buffer.from(hex.repeat(Number(times)), "hex");
  });
  return Buffer.concat(words);
}

/** The latest inputs, for whoever has to find out which of them ended a daemon. */
export class LastInputs {
  readonly #most: number;
  readonly #inputs: Input[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  add(input: Input): void {
    this.#inputs.push(input);
    if (this.#inputs.length > this.#most) this.#inputs.shift();
  }

  /** JSON lines, the latest last. */
  toText(): string {
    return this.#inputs.map((input) => `${JSON.stringify(keptInput(input, input.kind))}\n`).join("");
  }
}
