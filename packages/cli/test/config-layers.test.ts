import { CtError } from "@cachetorrent/protocol";
import Type from "typebox";
import { describe, expect, test } from "vitest";
import { type ConfigLayers, resolveConfig } from "../src/config-layers.ts";
import { configText } from "../src/config-text.ts";

const Schema = Type.Object(
  {
    listen: Type.String({ default: "0.0.0.0:6881", notation: "listen" }),
    local: Type.Optional(Type.String({ notation: "endpoint" })),
    "limit-up": Type.Optional(Type.Integer({ minimum: 1, notation: "rate" })),
    cache: Type.Integer({ default: 1024, notation: "size" }),
    slots: Type.Integer({ default: 4, minimum: 0, maximum: 100 }),
    mode: Type.Union([Type.Literal("fair"), Type.Literal("random")], { default: "fair" }),
    quiet: Type.Boolean({ default: false }),
    prefix: Type.Array(Type.String(), { default: [] }),
    site: Type.Array(Type.String({ pattern: "^http://", expected: "a URL such as http://h/" }), {
      default: [],
    }),
    swarms: Type.Record(
      Type.String({ pattern: "^[0-9a-f]{4}$" }),
      Type.Object({ slots: Type.Optional(Type.Integer({ minimum: 0 })) }, { additionalProperties: false }),
      { default: {} },
    ),
  },
  { additionalProperties: false },
);

function resolve(layers: Partial<ConfigLayers> & { yaml?: string }) {
  return resolveConfig(Schema, {
    flags: {},
    env: {},
    envPrefix: "TEST_",
    ...layers,
    ...(layers.yaml === undefined ? {} : { file: { path: "test.yaml", text: layers.yaml } }),
  });
}

function refusal(layers: Parameters<typeof resolve>[0]): CtError {
  try {
    resolve(layers);
  } catch (error) {
    if (error instanceof CtError) return error;
    throw error;
  }
  throw new Error("was accepted");
}

describe("which layer wins", () => {
  const yaml = "slots: 1\n";
  const env = { TEST_SLOTS: "2" };
  const flags = { slots: "3" };

  test("a default holds where nobody says anything", () => expect(resolve({}).slots).toBe(4));
  test("a file wins over the default", () => expect(resolve({ yaml }).slots).toBe(1));
  test("the environment wins over the file", () => expect(resolve({ yaml, env }).slots).toBe(2));
  test("a flag wins over everything", () => expect(resolve({ yaml, env, flags }).slots).toBe(3));
  test("a key that is optional and not given is absent", () =>
    expect(resolve({})).not.toHaveProperty("limit-up"));
});

describe("how values are written", () => {
  test("rates become bytes per second", () => {
    expect(resolve({ flags: { "limit-up": "16Mbit/s" } })["limit-up"]).toBe(2_000_000);
    expect(resolve({ yaml: "limit-up: 2MB/s" })["limit-up"]).toBe(2_000_000);
  });
  test("sizes become bytes", () => expect(resolve({ env: { TEST_CACHE: "256KiB" } }).cache).toBe(262_144));
  test("a variable's list is separated by commas", () => {
    expect(resolve({ env: { TEST_PREFIX: "10.0.0.0/8=1, 2001:db8::/32=2" } }).prefix).toEqual([
      "10.0.0.0/8=1",
      "2001:db8::/32=2",
    ]);
  });
  test.each(["true", "yes", "on", "1"])("%s switches on", (text) => {
    expect(resolve({ env: { TEST_QUIET: text } }).quiet).toBe(true);
  });
  test("what is resolved, written as YAML, resolves to itself", () => {
    const config = resolve({ flags: { "limit-up": "3MiB/s", prefix: ["a", "b"], mode: "random" } });
    expect(resolve({ yaml: configText(Schema, config) })).toEqual(config);
  });
  test("what is not set stands in the YAML as a comment", () => {
    expect(configText(Schema, resolve({}))).toContain("# local: not set\n# limit-up: not set\ncache: 1024\n");
  });
  test("an empty file says nothing", () => expect(resolve({ yaml: "# nothing\n" })).toEqual(resolve({})));
});

describe("what is refused, and how the message names the place", () => {
  test("an unknown key of the file, by its line and the nearest name", () => {
    const error = refusal({ yaml: "slots: 3\n\nlisen: 127.0.0.1:0\n" });
    expect(error.message).toBe('test.yaml:3: unknown key "lisen" (did you mean listen?)');
    expect(error.code).toBe("CT_ERR_CONFIG");
  });
  test("an unknown key inside a table", () => {
    expect(refusal({ yaml: "swarms:\n  00ff:\n    slot: 3\n" }).message).toBe(
      'test.yaml:1: swarms: 00ff: unknown key "slot" (did you mean slots?)',
    );
  });
  test("an unknown variable of our prefix", () => {
    expect(refusal({ env: { TEST_LISTN: "x" } }).message).toBe(
      "unknown environment variable TEST_LISTN (did you mean TEST_LISTEN?)",
    );
  });
  test("variables of others are none of our business", () => {
    expect(resolve({ env: { OTHER_LISTN: "x" } })).toEqual(resolve({}));
  });
  test("a flag's value, as wrong usage", () => {
    const error = refusal({ flags: { slots: "many" } });
    expect(error.message).toBe('--slots: must be a whole number from 0 to 100, not "many"');
    expect(error.code).toBe("CT_ERR_USAGE");
  });
  test("a rate of which nobody knows whether it is bits or bytes", () => {
    expect(refusal({ flags: { "limit-up": "3Mb/s" } }).message).toMatch(/^--limit-up: ambiguous rate/);
  });
  test("a rate without a unit, wherever it stands", () => {
    expect(refusal({ flags: { "limit-up": "4" } }).message).toBe(
      "--limit-up: a rate needs a unit, as in 4MB/s or 4Mbit/s: 4",
    );
    expect(refusal({ yaml: "limit-up: 4" }).message).toMatch(/^test\.yaml:1: limit-up: a rate needs a unit/);
  });
  test("a rate at which nothing would ever move", () => {
    expect(refusal({ flags: { "limit-up": "0MB/s" } }).message).toBe(
      '--limit-up: must be more than 0, such as 2MB/s, not "0MB/s"',
    );
  });
  test("an item of a list that is not of the form, and which that is", () => {
    expect(refusal({ flags: { site: ["http://a/", "a:80"] } }).message).toBe(
      '--site: must be a URL such as http://h/, not "a:80"',
    );
  });
  test("a choice that is none", () => {
    expect(refusal({ yaml: "mode: randm" }).message).toBe(
      'test.yaml:1: mode: must be one of fair, random, not "randm" (did you mean random?)',
    );
  });
  test("an address that is none", () => {
    expect(refusal({ env: { TEST_LISTEN: "localhost" } }).message).toMatch(
      /^environment variable TEST_LISTEN: not an IP address and port/,
    );
  });
  test("port 0 where somebody else has to connect to it", () => {
    expect(resolve({ flags: { listen: "127.0.0.1:0" } }).listen).toBe("127.0.0.1:0");
    const error = refusal({ flags: { local: "127.0.0.1:0" } });
    expect(error.message).toMatch(/^--local: not an IP address and port/);
  });
  test.each([
    ["a key twice", "slots: 1\nslots: 2\n", /^test\.yaml:2:1: not valid YAML: the same key stands here/],
    [
      "a file that is no YAML",
      "slots: [1\nmode: fair\n",
      /^test\.yaml:2:1: not valid YAML: a "\[" before this is not closed by a "\]" \(Flow sequence .*\)$/,
    ],
    ["a file that is a list", "- slots\n", /^test\.yaml: expected lines such as/],
    ["a fraction where none goes", "slots: 1.5\n", /^test\.yaml:1: slots: must be a whole number/],
    ["nothing where something goes", "slots:\n", /^test\.yaml:1: slots: must be a whole number/],
    ["a table key of another form", "swarms:\n  xyz: {}\n", /^test\.yaml:1: swarms: "xyz" is no key here/],
  ])("%s", (_what, yaml, message) => {
    expect(refusal({ yaml }).message).toMatch(message);
  });
});
