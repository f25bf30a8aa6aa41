import { expect, test } from "vitest";
import { Claiming } from "./support/claiming.ts";

test("what is granted at a neighbour that falls silent is given back, blameless, with or without bytes of it", () => {
  const as = new Claiming();
  const silent = as.unchoked(1, 2, 3);
  as.grant();
  as.begun.add(2);
  as.client.neighbourSilent(silent);
  expect(as.took("release")).toEqual(
    [1, 2, 3].map((piece) => ({ m: "release", piece, why: "choked", from: silent.endpoint })),
  );
  expect(as.called("lost")).toHaveLength(3);
  expect(as.client.grantsOf(silent)).toEqual([]);
});

test("another neighbour that has it is asked for it at once", () => {
  const as = new Claiming();
  const silent = as.unchoked(1);
  as.grant();
  const other = as.neighbour(1);
  as.client.neighbourUnchoked(other, as.now);
  as.took("claim");
  silent.has.clear();
  as.client.neighbourSilent(silent);
  as.pass(250);
  expect(as.took("claim")).toMatchObject([{ pieces: [1], from: other.endpoint }]);
});

test("a grant that was under way when it fell silent is given back when it comes", () => {
  const as = new Claiming();
  const silent = as.unchoked(1, 2);
  as.client.neighbourSilent(silent);
  as.grant([1]);
  expect(as.took("release")).toMatchObject([{ piece: 1, why: "choked", from: silent.endpoint }]);
  expect(as.client.grantsOf(silent)).toEqual([]);
});

test("one that is none of ours, or has nothing of ours, costs no message", () => {
  const as = new Claiming();
  as.client.neighbourSilent(as.neighbour(1));
  expect(as.sent).toEqual([]);
});
