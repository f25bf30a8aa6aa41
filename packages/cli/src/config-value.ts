import {
  didYouMean,
  fail,
  ok,
  parseDuration,
  parseEndpoint,
  parseRate,
  parseSize,
  type Result,
} from "@cachetorrent/protocol";
import type { TSchema } from "typebox";
import { Check } from "typebox/schema";
import { yaml } from "./yaml.ts";

/** The parts of a key's schema that say how people write its value. Everything else is TypeBox's to check. */
export interface KeySchema extends TSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly placeholder?: string;
  readonly notation?: Notation;
  /** Is the text, which stays as it is, one that its reader will understand? */
  readonly check?: (text: string) => Result<unknown>;
  /** What a text is that matches its pattern, in words. */
  readonly expected?: string;
  readonly items?: KeySchema;
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly patternProperties?: Readonly<Record<string, KeySchema>>;
  readonly anyOf?: readonly { readonly const?: unknown }[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** `listen` is an endpoint where port 0 picks one. */
export type Notation = "rate" | "size" | "duration" | "endpoint" | "listen";

/** `raw`, from a flag, a variable or a file, as a value that the schema allows; the error tells what it should be. */
export function readValue(schema: KeySchema, raw: unknown): Result<unknown> {
  // YAML reads `limit-up: 4` as a number, which as a rate has no unit either.
  const hasUnit = schema.notation === "rate" || schema.notation === "duration";
  const isText = typeof raw === "string" || (hasUnit && typeof raw === "number");
  const spelled = isText ? readText(schema, String(raw)) : ok(raw);
  if (!spelled.ok) return spelled;
  const parts = readParts(schema, spelled.value);
  if (!parts.ok) return parts;
  const { value } = parts;
  return Check(schema, value)
    ? ok(value)
    : fail("CT_ERR_CONFIG", `must be ${expectation(schema)}, not ${show(raw)}${likelyChoice(schema, raw)}`);
}

/** A value as `readValue` reads it back, for a configuration that is printed. */
export function showValue(schema: KeySchema, value: unknown): unknown {
  if (schema.notation === "duration") return `${Number(value) / 1000}s`;
  return schema.notation === "rate" ? `${value}B/s` : value;
}

/** The fixed values of a choice, or undefined where anything of a type goes. */
export function choices(schema: KeySchema): readonly string[] | undefined {
  const values = schema.enum ?? schema.anyOf?.map((variant) => variant.const);
  return values?.every((value) => typeof value === "string") ? (values as string[]) : undefined;
}

/** Reads the items of a list and the entries of a table, each by its own schema. */
function readParts(schema: KeySchema, value: unknown): Result<unknown> {
  if (schema.items && Array.isArray(value)) {
    const items = value.map((item) => readValue(schema.items as KeySchema, item));
    return items.find((item) => !item.ok) ?? ok(items.map((item) => item.ok && item.value));
  }
  if (schema.type !== "object" || typeof value !== "object" || value === null) return ok(value);
  const table: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(value)) {
    const entrySchema = entrySchemaOf(schema, name);
    if (!entrySchema.ok) return entrySchema;
    const read = readValue(entrySchema.value, entry);
    if (!read.ok) return fail("CT_ERR_CONFIG", `${name}: ${read.error.message}`);
    table[name] = read.value;
  }
  return ok(table);
}

function entrySchemaOf(schema: KeySchema, name: string): Result<KeySchema> {
  const known = schema.properties ?? {};
  if (known[name]) return ok(known[name]);
  for (const [pattern, entrySchema] of Object.entries(schema.patternProperties ?? {})) {
    if (new RegExp(pattern).test(name)) return ok(entrySchema);
    return fail("CT_ERR_CONFIG", `"${name}" is no key here, which must match ${pattern}`);
  }
  return fail("CT_ERR_CONFIG", `unknown key "${name}"${didYouMean(name, Object.keys(known))}`);
}

function likelyChoice(schema: KeySchema, raw: unknown): string {
  return typeof raw === "string" ? didYouMean(raw, choices(schema) ?? []) : "";
}

function readText(schema: KeySchema, text: string): Result<unknown> {
  if (schema.notation === "rate") return parseRate(text);
  if (schema.notation === "size") return parseSize(text);
  if (schema.notation === "duration") return parseDuration(text);
  if (schema.notation === "endpoint" || schema.notation === "listen") return readEndpoint(schema, text);
  if (schema.check) return checkedText(schema.check, text);
  switch (schema.type) {
    case "integer":
    case "number":
      return ok(/^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text);
    case "boolean":
      return ok(/^(true|yes|on|1)$/i.test(text) ? true : /^(false|no|off|0)$/i.test(text) ? false : text);
    case "array":
      return ok(text.split(",").map((item) => item.trim()));
    case "object":
      return readYaml(text);
    default:
      return ok(text);
  }
}

function checkedText(check: (text: string) => Result<unknown>, text: string): Result<unknown> {
  const checked = check(text);
  return checked.ok ? ok(text) : checked;
}

function readEndpoint(schema: KeySchema, text: string): Result<unknown> {
  const endpoint = parseEndpoint(text, { allowPortZero: schema.notation === "listen" });
  if (endpoint.ok) return ok(text);
  // The general message shows a peer's port, which for a tracker's option would mislead.
  if (schema.default === undefined) return endpoint;
  return fail("CT_ERR_ADDRESS", `not an IP address and port such as ${schema.default}: ${text}`);
}

function readYaml(text: string): Result<unknown> {
  try {
    return ok(yaml().parse(text));
  } catch (error) {
    return fail("CT_ERR_CONFIG", error instanceof Error ? error.message : String(error));
  }
}

function expectation(schema: KeySchema): string {
  const options = choices(schema);
  if (options) return `one of ${options.join(", ")}`;
  if (schema.notation === "rate") return "more than 0, such as 2MB/s";
  switch (schema.type) {
    case "integer":
    case "number": {
      const kind = schema.type === "integer" ? "a whole number" : "a number";
      if (schema.minimum === undefined) return kind;
      return schema.maximum === undefined
        ? `${kind}, ${schema.minimum} or more`
        : `${kind} from ${schema.minimum} to ${schema.maximum}`;
    }
    case "boolean":
      return "true or false";
    case "string":
      return schema.expected ?? "a text, and not an empty one";
    case "array":
      return "a list";
    case "object":
      return "a table of names and values";
    default:
      return "something else";
  }
}

function show(raw: unknown): string {
  return typeof raw === "string" ? `"${raw}"` : JSON.stringify(raw);
}
