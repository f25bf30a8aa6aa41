import { expect, it } from "vitest";
import { inTurns } from "../lib/rounds.ts";

it("everybody comes first once in as many rounds as there are", () => {
  const rounds = [0, 1, 2, 3].map((round) => inTurns(["a", "b", "c"], round).join(""));
  expect(rounds).toEqual(["abc", "bca", "cab", "abc"]);
});
