import { expect, test } from "vitest";
import { type RunFlags, testbedCommandLine } from "../src/testbed-command-line.ts";

const lineOf = (flags: Partial<RunFlags>, env = {}, name = "small") =>
  testbedCommandLine(name, { on: "loopback", ...flags }, env);

test("a run is made again by its name alone where nothing else was said", () => {
  expect(lineOf({})).toBe("cachetorrent testbed run small");
});

test("everything that the figures depend on is said again, as a shell takes it", () => {
  const flags = {
    only: ["cache 25", "coordinated"],
    repetitions: 2,
    atOnce: 2,
    workers: 3,
    out: "my results",
  };
  expect(lineOf(flags, {}, "it's.yml")).toBe(
    "cachetorrent testbed run 'it'\\''s.yml' --only 'cache 25' coordinated --repetitions 2 --at-once 2 --workers 3 --out 'my results'",
  );
});

test("so are other images than those of every day, for containers", () => {
  const env = {
    CACHETORRENT_IMAGE: "cachetorrent:next",
    CACHETORRENT_STOCK_IMAGE: "my stock",
    HOME: "/root",
  };
  expect(lineOf({ on: "compose" }, env)).toBe(
    "CACHETORRENT_IMAGE=cachetorrent:next CACHETORRENT_STOCK_IMAGE='my stock' cachetorrent testbed run small --on compose",
  );
  expect(lineOf({}, env)).toBe("cachetorrent testbed run small");
});

test("that it went on with an earlier run is not", () => {
  expect(lineOf({ resume: true })).toBe("cachetorrent testbed run small");
});
