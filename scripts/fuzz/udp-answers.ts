import {
  encodeUdpTrackerAnswer,
  type UdpTrackerAnswer,
  type UdpTrackerRequest,
} from "@cachetorrent/protocol";
import { anyPeerEndpoint } from "./answers.ts";
import type { Dice } from "./dice.ts";
import type { Input } from "./input.ts";
import { mutate, NASTY_UINT32, uint32 } from "./mutate.ts";
import type { World } from "./world.ts";

type Question = UdpTrackerRequest["action"];
type Generator = (dice: Dice, world: World, question: Question) => Pick<Input, "bytes" | "chunk" | "isStray">;

/** Of a datagram, over IPv4. */
const PAYLOAD_MOST = 65_507;
const TRANSACTION_AT = 4;
const HEAD_BYTES = 8;

/** Kinds of what comes back to a question, by name. Half are sound: after a failure a tracker is asked seldom. */
const KINDS: readonly (readonly [kind: string, generate: Generator])[] = [
  ["answer", answer],
  ["answer", answer],
  ["answer", answer],
  ["answer", answer],
  ["mutated answer", (dice, ...rest) => ({ bytes: mutate(dice, answer(dice, ...rest).bytes) })],
  ["error", (dice) => ({ bytes: Buffer.concat([uint32(3), uint32(0), anyText(dice)]) })],
  ["garbage", garbage],
  // Several for one question, of which the first counts.
  ["many", many],
  // To another question than the one that waits.
  ["stray", (dice, ...rest) => ({ bytes: answer(dice, ...rest).bytes, isStray: true })],
];

/** What a hostile tracker answers over UDP to such a question. */
export function udpAnswerInput(dice: Dice, world: World, question: Question): Input {
  const [kind, generate] = dice.pick(KINDS);
  return {
    target: "udp",
    answers: question,
    kind: `${kind} to ${question}`,
    ...generate(dice, world, question),
    lingerMs: 0,
  };
}

/**
 * The datagrams that such an input is, each with the transaction id that is asked for. What answers nothing is followed by an
 * answer, for which nobody has to wait.
 */
export function datagramsOf(
  { bytes, chunk, isStray = false }: Pick<Input, "bytes" | "chunk" | "isStray">,
  { action, transactionId }: UdpTrackerRequest,
): Uint8Array[] {
  const size = chunk ?? Math.max(1, bytes.length);
  const count = Math.max(1, Math.ceil(bytes.length / size));
  const datagrams = Array.from({ length: count }, (_, n) =>
    Buffer.from(bytes.subarray(n * size, (n + 1) * size)),
  );
  const answering = datagrams.filter(({ length }) => length >= HEAD_BYTES);
  for (const datagram of answering)
    datagram.writeUInt32BE(isStray ? (transactionId ^ 1) >>> 0 : transactionId, TRANSACTION_AT);
  if (isStray || answering.length === 0) datagrams.push(Buffer.from(soundAnswer(action, transactionId)));
  return datagrams;
}

/** What an honest tracker of nobody answers. */
export function soundAnswer(question: Question, transactionId: number): Uint8Array {
  return encodeUdpTrackerAnswer(
    question === "connect"
      ? { action: "connect", transactionId, connectionId: 1n }
      : { action: "announce", transactionId, interval: 1, leechers: 0, seeders: 0, peers: [] },
  );
}

function answer(dice: Dice, world: World, question: Question): { readonly bytes: Uint8Array } {
  const count = dice.chance(0.1) ? dice.length(10_000) : dice.length(200);
  const answers: Record<Question, () => UdpTrackerAnswer> = {
    connect: () => ({
      action: "connect",
      transactionId: 0,
      connectionId: Buffer.from(dice.bytes(8)).readBigUInt64BE(),
    }),
    announce: () => ({
      action: "announce",
      transactionId: 0,
      interval: dice.chance(0.95) ? dice.below(3) : dice.pick(NASTY_UINT32),
      leechers: dice.pick(NASTY_UINT32),
      seeders: dice.pick(NASTY_UINT32),
      peers: Array.from({ length: count }, () => anyPeerEndpoint(dice, world)),
    }),
  };
  return { bytes: encodeUdpTrackerAnswer(answers[question]()) };
}

function garbage(dice: Dice, world: World, question: Question): { readonly bytes: Uint8Array } {
  const other = question === "connect" ? "announce" : "connect";
  const bytes = dice.pick([
    dice.bytes(dice.length(PAYLOAD_MOST)),
    Buffer.concat([uint32(dice.below(6)), dice.bytes(dice.length(60))]),
    answer(dice, world, other).bytes,
    Buffer.concat([uint32(1), Buffer.alloc(PAYLOAD_MOST - 4, dice.below(256))]),
    new Uint8Array(dice.below(HEAD_BYTES)),
  ]);
  return { bytes };
}

function many(dice: Dice, world: World, question: Question): { readonly bytes: Uint8Array; chunk: number } {
  const { bytes } = dice.chance(0.5) ? answer(dice, world, question) : garbage(dice, world, question);
  const one = bytes.length > 0 && bytes.length < 200 ? bytes : Buffer.from(soundAnswer(question, 0));
  return { bytes: Buffer.concat(Array(dice.between(2, 200)).fill(one)), chunk: one.length };
}

function anyText(dice: Dice): Uint8Array {
  return dice.pick([
    new Uint8Array(0),
    Buffer.from("Connection ID mismatch.\0"),
    Buffer.from("\u001b[2J\r\n".repeat(dice.length(100))),
    dice.bytes(dice.length(2000)),
    Buffer.alloc(PAYLOAD_MOST - HEAD_BYTES, "x"),
  ]);
}
