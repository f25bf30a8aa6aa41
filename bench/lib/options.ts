import { parseArgs } from "node:util";
import { parseSize, unwrap } from "@cachetorrent/protocol";

/** One option of a bench, which takes a value. */
export interface Option<T> {
  readonly default: string;
  readonly placeholder: string;
  readonly description: string;
  /** Throws an Error that says what it must be. */
  read(text: string): T;
}

export type Options = Readonly<Record<string, Option<unknown>>>;
export type Values<O extends Options> = { readonly [K in keyof O]: ReturnType<O[K]["read"]> };

export function size(fallback: string, description: string): Option<number> {
  return { default: fallback, placeholder: "SIZE", description, read: (text) => unwrap(parseSize(text)) };
}

export function count(fallback: number, description: string, most = 1_000_000): Option<number> {
  return {
    default: String(fallback),
    placeholder: "N",
    description,
    read: (text) => {
      const value = Number(text);
      if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
      throw new Error(`must be a whole number from 1 to ${most}`);
    },
  };
}

/** Some of these words, with commas between them; all, unless said. */
export function some<W extends string>(
  words: readonly W[],
  description: string,
  fallback: readonly W[] = words,
): Option<readonly W[]> {
  return {
    default: fallback.join(","),
    placeholder: "LIST",
    description,
    read: (text) =>
      text.split(",").map((word) => {
        const known = words.find((one) => one === word);
        if (known === undefined) throw new Error(`must be some of ${words.join(",")}`);
        return known;
      }),
  };
}

/** The values, `help`, or what is wrong with the arguments. */
export function readOptions<O extends Options>(
  args: readonly string[],
  options: O,
): Values<O> | "help" | { readonly wrong: string } {
  const flags = Object.fromEntries(Object.keys(options).map((name) => [name, { type: "string" } as const]));
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { ...flags, help: { type: "boolean", short: "h" } },
      allowPositionals: false,
    });
    if (values.help) return "help";
    const read = Object.entries(options).map(([name, option]) => {
      const given = (values as Readonly<Record<string, unknown>>)[name];
      const text = String(given ?? option.default);
      try {
        return [name, option.read(text)];
      } catch (error) {
        throw new Error(`--${name} ${text}: ${(error as Error).message}`);
      }
    });
    return Object.fromEntries(read) as Values<O>;
  } catch (error) {
    return { wrong: (error as Error).message };
  }
}

export function renderOptions(options: Options): string {
  const lines = Object.entries(options).map(([name, { description, placeholder, default: fallback }]) => {
    const usual = fallback === "" ? "" : ` (default: ${fallback})`;
    return [`  --${name} ${placeholder}`, `${description}${usual}`] as const;
  });
  const width = Math.max(...lines.map(([flag]) => flag.length)) + 2;
  return [...lines, ["  -h, --help", "show this"] as const]
    .map(([flag, text]) => flag.padEnd(width) + text)
    .join("\n");
}
