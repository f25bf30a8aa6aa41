import { expect, it } from "vitest";
import { cpuSecondsTold } from "../lib/web-seed-fetch.ts";

it("processor time is read from the shell's times, of itself and of what it ran", () => {
  expect(cpuSecondsTold(["0m0.00s 0m0.01s", "0m1.20s 1m2.30s"])).toBeCloseTo(63.51);
  expect(cpuSecondsTold(["0m0.000000s 0m0.000000s", "0m0.020000s 0m0.030000s"])).toBeCloseTo(0.05);
  expect(() => cpuSecondsTold(["curl: (7) no connection"])).toThrow("times tells: curl: (7) no connection");
});
