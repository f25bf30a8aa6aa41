import { CtError, didYouMean, parseRate, parseSize, type Result, yamlFault } from "@cachetorrent/protocol";
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { parseDuration } from "./duration.ts";

/** The parts of a schema that reading goes by. */
interface ReadSchema extends TSchema {
  readonly type?: string;
  readonly notation?: "rate" | "size" | "duration" | "percent";
  readonly expected?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, ReadSchema>>;
  readonly required?: readonly string[];
  readonly items?: ReadSchema;
  readonly anyOf?: readonly ReadSchema[];
  readonly const?: unknown;
}

/** So many aliases are followed in a document: in few lines each could stand for all that comes before it. */
const ALIASES_MOST = 1000;
/** The key under which a table takes over what another one says (https://yaml.org/type/merge.html). */
const MERGE = "<<";

/** Where in the document something stands: the key's path for people, and its line. */
export interface Place {
  readonly line: number;
  readonly path: string;
}

export interface ReadDocument {
  readonly value: unknown;
  /** Of a key such as `ases[1].up`; of the nearest one above it that is there. */
  lineOf(path: string): number;
}

/**
 * Reads YAML by a TypeBox schema; rates, sizes, times and percentages as people write them; aliases and `<<` for what stands
 * elsewhere. Throws CT_ERR_CONFIG that names file, line and key, and says what would be right.
 */
export function readDocument(schema: TSchema, text: string, file: string): ReadDocument {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const broken = document.errors[0];
  if (broken) {
    const { col, line } = counter.linePos(broken.pos[0]);
    throw new CtError("CT_ERR_CONFIG", `${file}:${line}:${col}: ${yamlFault(broken.message)}`);
  }
  const reader = new Reader(file, document, (node) => counter.linePos(node?.range?.[0] ?? 0).line);
  const value = reader.read(schema as ReadSchema, document.contents as Node | null, { line: 1, path: "" });
  return { value, lineOf: (path) => reader.lineOf(path) };
}

class Reader {
  readonly #file: string;
  readonly #document: Document;
  readonly #lineOf: (node: Node | null) => number;
  readonly #lines = new Map<string, number>();
  #aliases = 0;

  constructor(file: string, document: Document, lineOf: (node: Node | null) => number) {
    this.#file = file;
    this.#document = document;
    this.#lineOf = lineOf;
  }

  lineOf(path: string): number {
    for (let at = path; at !== ""; at = at.replace(/(\.[^.[]+|\[\d+\]|^[^.[]+)$/, "")) {
      const line = this.#lines.get(at);
      if (line !== undefined) return line;
    }
    return 1;
  }

  read(schema: ReadSchema, written: Node | null, place: Place): unknown {
    this.#lines.set(place.path, place.line);
    const node = this.#meant(written);
    if (schema.anyOf) return this.#readOneOf(schema, node, place);
    if (schema.type === "object") return this.#readTable(schema, node, place);
    if (schema.type === "array") return this.#readList(schema, node, place);
    return this.#readScalar(schema, node, place);
  }

  #readTable(schema: ReadSchema, node: Node | null, place: Place): unknown {
    if (!isMap(node)) throw this.#wrong(schema, node, place, "keys with values below it");
    const known = schema.properties ?? {};
    const table: Record<string, unknown> = {};
    for (const pair of this.#pairsOf(node)) {
      const key = nameOf(pair);
      const line = this.#lineOf(pair.key as Node);
      const entry = Object.hasOwn(known, key) ? known[key] : undefined;
      const path = place.path === "" ? key : `${place.path}.${key}`;
      if (!entry) {
        const where = place.path === "" ? "" : ` in ${place.path}`;
        throw this.#error(line, `unknown key "${key}"${where}${didYouMean(key, Object.keys(known))}`);
      }
      table[key] = this.read(entry, pair.value as Node | null, { line, path });
    }
    for (const key of schema.required ?? []) {
      if (table[key] !== undefined) continue;
      const fallback = known[key]?.default;
      if (fallback === undefined) {
        const where = place.path === "" ? "" : `${place.path}: `;
        const meaning = known[key]?.description;
        throw this.#error(place.line, `${where}key "${key}" is missing${meaning ? ` (${meaning})` : ""}`);
      }
      table[key] = fallback;
    }
    return table;
  }

  /** What stands in the place of an alias. */
  #meant(node: Node | null): Node | null {
    if (!isAlias(node)) return node;
    const line = this.#lineOf(node);
    if (++this.#aliases > ALIASES_MOST)
      throw this.#error(line, `*${node.source}: more aliases than the ${ALIASES_MOST} that are followed`);
    const source = node.resolve(this.#document);
    if (!source) throw this.#error(line, `*${node.source}: nothing before it is marked with &${node.source}`);
    return source;
  }

  /** With those that it takes over from others and does not have itself. */
  #pairsOf(map: YAMLMap): Pair[] {
    const isMerge = ({ key }: Pair) => isScalar(key) && key.value === MERGE;
    const pairs = map.items.filter((pair) => !isMerge(pair));
    for (const pair of map.items.filter(isMerge)) {
      const value = this.#meant(pair.value as Node | null);
      for (const item of isSeq(value) ? value.items : [value]) {
        const other = this.#meant(item as Node | null);
        if (!isMap(other))
          throw this.#error(
            this.#lineOf(pair.key as Node),
            `${MERGE} must be a table, an alias of one, or a list`,
          );
        const has = new Set(pairs.map(nameOf));
        pairs.push(...this.#pairsOf(other).filter((one) => !has.has(nameOf(one))));
      }
    }
    return pairs;
  }

  #readList(schema: ReadSchema, node: Node | null, place: Place): unknown {
    if (!isSeq(node)) throw this.#wrong(schema, node, place, "a list");
    const list = node.items.map((item, i) =>
      this.read(schema.items as ReadSchema, item as Node | null, {
        line: this.#lineOf(item as Node | null),
        path: `${place.path}[${i}]`,
      }),
    );
    if (!Value.Check(schema, list)) throw this.#wrong(schema, node, place, "a list");
    return list;
  }

  /** Lists and tables are told apart by what they look like; a scalar is the first alternative that takes it. */
  #readOneOf(schema: ReadSchema, node: Node | null, place: Place): unknown {
    const kind = isMap(node) ? "object" : isSeq(node) ? "array" : undefined;
    const alternatives = schema.anyOf ?? [];
    const part = kind && alternatives.find((one) => one.type === kind);
    if (part) return this.read(part, node, place);
    const raw = isScalar(node) ? node.value : undefined;
    for (const one of alternatives) if (Value.Check(one, raw)) return raw;
    const names = alternatives.flatMap((one) => (typeof one.const === "string" ? one.const : []));
    throw this.#wrong(schema, node, place, "something else", didYouMean(String(raw), names));
  }

  #readScalar(schema: ReadSchema, node: Node | null, place: Place): unknown {
    const raw = isScalar(node) ? node.value : undefined;
    const value = spelled(schema, raw);
    const meanings = meaningsOf(schema, raw);
    if (!isScalar(node) || value === undefined || meanings || !Value.Check(schema, value)) {
      const hint = meanings ? `: write ${meanings.join(" or ")}` : "";
      throw this.#wrong(schema, node, place, schema.type === "string" ? "a text" : "something else", hint);
    }
    return value;
  }

  #wrong(schema: ReadSchema, node: Node | null, place: Place, what: string, hint = ""): CtError {
    const said = isScalar(node) && node.value !== null ? `, not ${JSON.stringify(node.value)}` : "";
    const where = place.path === "" ? "the file" : place.path;
    return this.#error(place.line, `${where} must be ${schema.expected ?? what}${said}${hint}`);
  }

  #error(line: number, message: string): CtError {
    return new CtError("CT_ERR_CONFIG", `${this.#file}:${line}: ${message}`);
  }
}

function nameOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : "";
}

function spelled(schema: ReadSchema, raw: unknown): unknown {
  switch (schema.notation) {
    case "rate":
      return typeof raw === "string" ? resultOf(parseRate(raw)) : undefined;
    case "size":
      return typeof raw === "string" ? resultOf(parseSize(raw)) : raw;
    case "duration":
      return typeof raw === "string" ? parseDuration(raw) : undefined;
    case "percent":
      return typeof raw === "string" && /^\d+(\.\d+)?\s*%$/.test(raw) ? Number.parseFloat(raw) : raw;
    default:
      return raw;
  }
}

/** Of a bare number below 1 nobody can tell whether it is a share or a percentage: what it could be. */
function meaningsOf(schema: ReadSchema, raw: unknown): string[] | undefined {
  if (schema.notation !== "percent" || typeof raw !== "number" || raw <= 0 || raw >= 1) return undefined;
  const percentages = [Number((100 * raw).toPrecision(12)), raw];
  return percentages.filter((percentage) => Value.Check(schema, percentage)).map((one) => `${one}%`);
}

function resultOf<T>(result: Result<T>): T | undefined {
  return result.ok ? result.value : undefined;
}
