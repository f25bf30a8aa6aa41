import { describe, expect, it } from "vitest";
import { count, readOptions, size, some } from "../lib/options.ts";

const options = {
  size: size("1GiB", "bytes"),
  rounds: count(3, "rounds", 100),
  clients: some(["one", "two"], "who"),
};

describe("options of a bench", () => {
  it("are read by their kinds, and have defaults", () => {
    expect(readOptions([], options)).toEqual({ size: 2 ** 30, rounds: 3, clients: ["one", "two"] });
    expect(readOptions(["--size", "8MiB", "--rounds=1", "--clients", "two"], options)).toEqual({
      size: 2 ** 23,
      rounds: 1,
      clients: ["two"],
    });
  });

  it.each([
    [["--rounds", "0"], "--rounds 0: must be a whole number from 1 to 100"],
    [["--rounds", "1e2"], "--rounds 1e2: must be a whole number from 1 to 100"],
    [["--clients", "one,three"], "--clients one,three: must be some of one,two"],
    [["--size", "much"], /^--size much: /],
    [["--what"], /--what/],
  ])("%j is wrong, and it is said why", (args, why) => {
    expect(readOptions(args, options)).toEqual({
      wrong: typeof why === "string" ? why : expect.stringMatching(why),
    });
  });

  it("may be asked for", () => {
    expect(readOptions(["--rounds", "no", "-h"], options)).toBe("help");
  });
});
