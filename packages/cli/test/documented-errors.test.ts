import { readFileSync } from "node:fs";
import { CtError, ERROR_CODES } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { exitCodeOf } from "../src/exit.ts";

const document = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");

/** What stands between the heading of a code and the next one. */
const sections = document.split(/^#+ /m).filter((section) => section.startsWith("CT_ERR_"));
const codes = sections.map((section) => section.split("\n", 1)[0]);

describe("docs/errors.md", () => {
  it("has one section for each error code, and none for another", () => {
    expect(codes.toSorted()).toEqual([...ERROR_CODES].sort());
  });

  it.each(ERROR_CODES)("tells the exit code of %s, and shows one", (code) => {
    const section = sections.find((one) => one.startsWith(`${code}\n`)) ?? "";
    const [, exitCode] = /Exit code (\d)\./.exec(section) ?? [];
    if (exitCode === undefined) expect(section).toContain("No exit");
    else expect(exitCodeOf(new CtError(code, ""))).toBe(Number(exitCode));
    expect(section).toMatch(/```\n[^`]+\n```/);
  });
});
