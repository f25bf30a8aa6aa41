import { expect, test } from "vitest";
import { peerWords } from "../../src/compose/peer-words.ts";

test("a peer's last status has its claims, its log its escapes and warnings", () => {
  const claims = (asked: number) => ({ asked, granted: 1, denied: 0, expired: 0 });
  const status = (event: string, asked: number) =>
    JSON.stringify({ event, at: 1, connections: 2, torrents: [{ claims: claims(asked) }] });
  const escaped = JSON.stringify({
    level: 40,
    time: "2026-11-25T04:00:01.500Z",
    event: "escape",
    msg: "no leader has answered",
  });
  const words = peerWords({
    stdout: [status("progress", 3), status("stopped", 4), '{"event":"complete"}', "half a {"].join("\n"),
    stderr: [escaped, '{"level":30,"msg":"fine"}', "(node) something else", ""].join("\n"),
  });
  expect(words.claims).toEqual(claims(4));
  expect(words.escapes).toEqual([
    { at: Date.UTC(2026, 10, 25, 4, 0, 1, 500), why: "no leader has answered" },
  ]);
  expect(words.warnings).toEqual([escaped, "(node) something else"]);
});

test("one that was killed before it said anything has said nothing", () => {
  expect(peerWords({ stdout: "", stderr: "" })).toEqual({ claims: undefined, escapes: [], warnings: [] });
});
