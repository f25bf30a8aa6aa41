import { describe, expect, it } from "vitest";
import { yamlFault } from "../src/yaml-fault.ts";

describe("a syntax error of YAML is told in a sentence, with the parser's words:", () => {
  it.each([
    [
      "Flow sequence in block collection must be sufficiently indented and end with a ]",
      'a "[" before this is not closed by a "]"',
    ],
    ["Missing closing 'quote", "a text that begins with ' does not end with it"],
    ["Tabs are not allowed as indentation", "a tab is where the line is indented: write spaces"],
    ["Plain value cannot start with reserved character `", "a text that begins with ` needs quotes"],
    [
      "Plain value cannot start with directive indicator character %",
      "a text that begins with % needs quotes",
    ],
    ["Invalid escape sequence \\q", "something is here that cannot be"],
  ])("%s", (said, meant) => {
    expect(yamlFault(said)).toBe(`not valid YAML: ${meant} (${said})`);
  });
});
