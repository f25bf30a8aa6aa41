import { CtError, didYouMean, yamlFault } from "@cachetorrent/protocol";
import type { Static, TObject } from "typebox";
import type { Pair } from "yaml";
import { type KeySchema, readValue } from "./config-value.ts";
import { yaml } from "./yaml.ts";

/** What a user said about one key, and where, as an error message would name the place. */
interface Setting {
  readonly key: string;
  readonly raw: unknown;
  readonly source: string;
}

/** The layers of a daemon's configuration, strongest first; the schema's defaults come last. */
export interface ConfigLayers {
  /** By configuration key, as given on the command line: strings, lists of strings, or `true`. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `CACHETORRENT_PEER_`: the key `limit-up` is read from `CACHETORRENT_PEER_LIMIT_UP`. */
  readonly envPrefix: string;
  /** The YAML file's name, for messages, and content. */
  readonly file?: { readonly path: string; readonly text: string };
}

/**
 * Flags > environment > file > defaults. The outcome satisfies the schema; rates and sizes are numbers.
 *
 * @throws CtError CT_ERR_USAGE for a flag at fault, CT_ERR_CONFIG for a variable or a line of the file.
 */
export function resolveConfig<S extends TObject>(schema: S, layers: ConfigLayers): Static<S> {
  const settings = [
    ...(layers.file ? fileSettings(schema, layers.file) : []),
    ...envSettings(schema, layers.env, layers.envPrefix),
  ];
  const given: Record<string, unknown> = {};
  for (const setting of settings) given[setting.key] = read(schema, setting, "CT_ERR_CONFIG");
  for (const [key, raw] of Object.entries(layers.flags)) {
    given[key] = read(schema, { key, raw, source: flagName(key) }, "CT_ERR_USAGE");
  }
  // In the schema's order, so that a printed configuration always reads the same.
  const config: Record<string, unknown> = {};
  for (const [key, { default: fallback }] of Object.entries(keysOf(schema))) {
    const value = given[key] ?? structuredClone(fallback);
    if (value !== undefined) config[key] = value;
  }
  for (const key of requiredKeys(schema)) {
    if (config[key] === undefined) throw new CtError("CT_ERR_USAGE", `${flagName(key)} must be given`);
  }
  return config as Static<S>;
}

export function flagName(key: string): string {
  return `--${key}`;
}

export function envName(prefix: string, key: string): string {
  return prefix + key.toUpperCase().replaceAll("-", "_");
}

/** The keys of a flat schema, in the order in which they are written there. */
export function keysOf(schema: TObject): Readonly<Record<string, KeySchema>> {
  return schema.properties as Record<string, KeySchema>;
}

function requiredKeys(schema: TObject): readonly string[] {
  return (schema as { required?: readonly string[] }).required ?? [];
}

function read(schema: TObject, setting: Setting, code: "CT_ERR_USAGE" | "CT_ERR_CONFIG"): unknown {
  const result = readValue(keysOf(schema)[setting.key] as KeySchema, setting.raw);
  if (!result.ok) throw new CtError(code, `${setting.source}: ${result.error.message}`);
  return result.value;
}

function envSettings(schema: TObject, env: ConfigLayers["env"], prefix: string): Setting[] {
  const keyOf = new Map(Object.keys(keysOf(schema)).map((key) => [envName(prefix, key), key]));
  const settings: Setting[] = [];
  for (const [name, raw] of Object.entries(env)) {
    // The file's own name is read by whoever reads the file.
    if (!name.startsWith(prefix) || name === envName(prefix, "config") || raw === undefined) continue;
    const key = keyOf.get(name);
    if (key === undefined) {
      throw new CtError(
        "CT_ERR_CONFIG",
        `unknown environment variable ${name}${didYouMean(name, keyOf.keys())}`,
      );
    }
    settings.push({ key, raw, source: `environment variable ${name}` });
  }
  return settings;
}

function fileSettings(schema: TObject, file: { path: string; text: string }): Setting[] {
  const { isMap, isNode, isScalar, LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${file.path}:${lines.linePos(offset).line}`;
  const broken = document.errors[0];
  if (broken) {
    const [offset] = broken.pos;
    throw new CtError(
      "CT_ERR_CONFIG",
      `${at(offset)}:${lines.linePos(offset).col}: ${yamlFault(broken.message)}`,
    );
  }
  if (document.contents === null) return [];
  if (!isMap(document.contents)) {
    const example = `listen: ${keysOf(schema).listen?.default}`;
    throw new CtError("CT_ERR_CONFIG", `${file.path}: expected lines such as "${example}"`);
  }
  const known = Object.keys(keysOf(schema));
  return document.contents.items.map((pair: Pair) => {
    const key = isScalar(pair.key) ? String(pair.key.value) : "";
    const source = at(isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0);
    if (!known.includes(key)) {
      throw new CtError("CT_ERR_CONFIG", `${source}: unknown key "${key}"${didYouMean(key, known)}`);
    }
    return {
      key,
      raw: isNode(pair.value) ? pair.value.toJS(document) : pair.value,
      source: `${source}: ${key}`,
    };
  });
}
