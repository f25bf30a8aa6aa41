import { CtError } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { createLogger } from "../src/logger.ts";

function logged(level: string, readable: boolean, err: Error, message = "it did not work"): string {
  const lines: string[] = [];
  createLogger(level, { write: (line) => void lines.push(line) }, { readable }).error({ err }, message);
  return lines.join("");
}

const foreseen = new CtError("CT_ERR_CONFIG", "list.txt:3: not an info-hash");

describe("an error in the log", () => {
  test("that was foreseen is its code and message", () => {
    expect(JSON.parse(logged("info", false, foreseen)).err).toEqual({
      code: "CT_ERR_CONFIG",
      message: "list.txt:3: not an info-hash",
    });
  });
  test("that was foreseen has its stack for who debugs", () => {
    expect(JSON.parse(logged("debug", false, foreseen)).err).toMatchObject({
      code: "CT_ERR_CONFIG",
      stack: expect.stringContaining("logger.test.ts"),
    });
  });
  test("that nobody foresaw has its stack", () => {
    const { err } = JSON.parse(logged("info", false, new TypeError("x is undefined")));
    expect(err.stack).toContain("logger.test.ts");
  });
  test("is said once on a terminal, whether or not the message is its own", () => {
    expect(logged("info", true, foreseen)).toMatch(/it did not work \(list\.txt:3: not an info-hash\)\n$/);
    expect(logged("info", true, foreseen, foreseen.message)).toMatch(
      /error list\.txt:3: not an info-hash\n$/,
    );
  });
});
