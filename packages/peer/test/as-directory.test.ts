import { ManualClock } from "@cachetorrent/clock";
import { type Address, type Endpoint, formatEndpoint, LIMITS, type Located } from "@cachetorrent/protocol";
import { expect, test } from "vitest";
import { AsDirectory } from "../src/neighbours/as-directory.ts";
import { EventQueue, settled } from "./support/event-queue.ts";
import { asn, endpoint, silent } from "./support/samples.ts";

interface Question {
  readonly endpoints: readonly string[];
  answer(located: readonly Located[]): void;
  fail(error: Error): void;
}

function directory() {
  const clock = new ManualClock();
  const questions = new EventQueue<Question>();
  const locate = (endpoints: readonly Endpoint[]) =>
    new Promise<readonly Located[]>((answer, fail) => {
      questions.push({ endpoints: endpoints.map(formatEndpoint), answer, fail });
    });
  return { clock, questions, directory: new AsDirectory({ clock, locate, log: silent }) };
}

const peer = endpoint("127.3.0.1:7000");

test("peer lists teach the AS of an address, for 10 minutes", () => {
  const { clock, directory: ases } = directory();
  ases.learn([{ endpoint: peer, asn: asn(64503) }]);
  clock.advance(10 * 60_000 - 1);
  expect(ases.asnOf(peer.address)).toBe(64503);
  clock.advance(1);
  expect(ases.asnOf(peer.address)).toBeUndefined();
});

test("a list without AS numbers teaches nothing and unlearns nothing", () => {
  const { directory: ases } = directory();
  ases.learn([{ endpoint: peer, asn: asn(64503) }]);
  ases.learn([
    { endpoint: peer, asn: asn(0) },
    { endpoint: endpoint("127.3.0.2:7000"), asn: asn(0) },
  ]);
  expect(ases.asnOf(peer.address)).toBe(64503);
  expect(ases.asnOf("127.3.0.2" as Address)).toBeUndefined();
});

test("questions of one moment go to the tracker together, each once", async () => {
  const { clock, directory: ases, questions } = directory();
  const other = endpoint("127.4.0.1:7000");
  const answers = [ases.locate(peer), ases.locate(other), ases.locate(endpoint("127.3.0.1:7000"))];
  clock.advance(10);
  const question = await questions.next();
  expect(question.endpoints).toEqual(["127.3.0.1:7000", "127.4.0.1:7000"]);
  question.answer([
    { asn: asn(64503), known: true },
    { asn: asn(0), known: false },
  ]);
  expect(await Promise.all(answers)).toEqual([
    { asn: 64503, known: true },
    { asn: 0, known: false },
    { asn: 64503, known: true },
  ]);
  expect(ases.asnOf(peer.address)).toBe(64503);
  expect(ases.asnOf(other.address)).toBe(0);
  expect(questions.size).toBe(0);
});

test("more than 50 questions go in several requests", async () => {
  const { clock, directory: ases, questions } = directory();
  const answers = Array.from({ length: 120 }, (_, i) => ases.locate(endpoint(`127.3.0.1:${7000 + i}`)));
  clock.advance(10);
  for (const size of [50, 50, 20]) {
    const question = await questions.next();
    expect(question.endpoints).toHaveLength(size);
    question.answer(question.endpoints.map(() => ({ asn: asn(64503), known: true })));
  }
  expect(await Promise.all(answers)).toEqual(Array(120).fill({ asn: 64503, known: true }));
});

test("a tracker that does not answer within 8 s leaves the endpoint unknown, and the next ones after 2 s until it does", async () => {
  const { clock, directory: ases, questions } = directory();
  const answer = ases.locate(peer);
  clock.advance(10);
  const question = await questions.next();
  let isOver = false;
  void answer.then(() => (isOver = true));
  clock.advance(7989);
  await settled();
  expect(isOver).toBe(false);
  clock.advance(1);
  expect(await answer).toEqual({ asn: 0, known: false });

  const another = ases.locate(endpoint("127.4.0.1:7000"));
  clock.advance(2000);
  expect(await another).toEqual({ asn: 0, known: false });

  question.answer([{ asn: asn(64503), known: true }]);
  await settled();
  expect(ases.asnOf(peer.address)).toBe(64503);
  const third = ases.locate(endpoint("127.5.0.1:7000"));
  void third.then(() => (isOver = false));
  clock.advance(7999);
  await settled();
  expect(isOver).toBe(true);
  clock.advance(1);
  expect(await third).toEqual({ asn: 0, known: false });
});

test("a late answer does not settle a later question", async () => {
  const { clock, directory: ases, questions } = directory();
  const first = ases.locate(peer);
  clock.advance(10);
  const late = await questions.next();
  clock.advance(LIMITS.peer.locateTimeoutMs - 10);
  await first;
  const second = ases.locate(peer);
  late.answer([{ asn: asn(1), known: false }]);
  await settled();
  clock.advance(10);
  (await questions.next()).answer([{ asn: asn(64503), known: true }]);
  expect(await second).toEqual({ asn: 64503, known: true });
});

test("a tracker that fails leaves the endpoint unknown, with the AS of its address if that was learnt, however long ago", async () => {
  const { clock, directory: ases, questions } = directory();
  ases.learn([{ endpoint: peer, asn: asn(64503) }]);
  clock.advance(2 * LIMITS.peer.asCacheMs);
  const answers = [ases.locate(peer), ases.locate(endpoint("127.4.0.1:7000"))];
  clock.advance(10);
  (await questions.next()).fail(new Error("gone"));
  expect(await Promise.all(answers)).toEqual([
    { asn: 64503, known: false },
    { asn: 0, known: false },
  ]);
});

test("an answer that is too short leaves the rest unknown", async () => {
  const { clock, directory: ases, questions } = directory();
  const answers = [ases.locate(peer), ases.locate(endpoint("127.4.0.1:7000"))];
  clock.advance(10);
  (await questions.next()).answer([{ asn: asn(64503), known: true }]);
  expect(await Promise.all(answers)).toEqual([
    { asn: 64503, known: true },
    { asn: 0, known: false },
  ]);
});

test("strangers from many addresses fill neither the queue nor the memory", async () => {
  const { directory: ases } = directory();
  const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  for (let i = 0; i < 10_001; i++) ases.learn([{ endpoint: endpoint(`${address(i)}:1`), asn: asn(1) }]);
  expect(ases.asnOf(address(0) as Address)).toBeUndefined();
  expect(ases.asnOf(address(1) as Address)).toBe(1);

  for (let i = 0; i < 1000; i++) void ases.locate(endpoint(`${address(20_000 + i)}:1`));
  expect(await ases.locate(endpoint(`${address(30_000)}:1`))).toEqual({ asn: 0, known: false });
});
