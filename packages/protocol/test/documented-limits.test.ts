import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../src/index.ts";

const document = readFileSync(new URL("../../../docs/limits.md", import.meta.url), "utf8");

/** The cells of all table rows whose first one is a name in code. */
const rows = [...document.matchAll(/^\| `([\w.]+)` \|(.+)\|$/gm)].map(([, name = "", rest = ""]) => ({
  name,
  cells: rest.split("|").map((cell) => cell.trim()),
}));
const documented = rows.filter(({ name }) => name.includes("."));
const constants = rows.filter(({ name }) => !name.includes("."));

const limits: [string, number][] = Object.entries(LIMITS).flatMap(([group, keys]) =>
  Object.entries(keys).map(([key, value]): [string, number] => [`${group}.${key}`, value]),
);

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  "%": 0.01,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  KiB: 1024,
  MiB: 1024 ** 2,
  "MB/s": 1e6,
  "GB/s": 1e9,
};

/** `64 MiB` or `1 s to 3 s` as the numbers that the code has: bytes, bytes/s, milliseconds or a count. */
function numbersOf(text: string): number[] {
  return text.split(" to ").map((one) => {
    const [, value, unit = ""] = /^([\d.]+)(?: (\S+))?$/.exec(one) ?? [];
    const factor = UNITS[unit];
    if (value === undefined || factor === undefined) throw new Error(`docs/limits.md: what is "${one}"?`);
    return Number((Number(value) * factor).toPrecision(12));
  });
}

/** What `const NAME = 4 * SECOND`, `= 1 / 8`, `= 3 * LIMITS.claims.takenMs` or `= [SECOND, 3 * SECOND]` comes to. */
function constantIn(file: string, name: string): number[] {
  const [, expression] =
    new RegExp(`^(?:export )?const ${name} = \\[?([\\w* ,./]+)\\]?(?: as const)?;`, "m").exec(
      sourceOf(file),
    ) ?? [];
  if (expression === undefined) throw new Error(`docs/limits.md: there is no ${name} in packages/${file}`);
  return expression.split(",").map((product) =>
    product
      .split("*")
      .map((quotient) => quotient.split("/").map(factorOf))
      .map(([first = 0, ...divisors]) => divisors.reduce((a, b) => a / b, first))
      .reduce((a, b) => a * b, 1),
  );
}

function factorOf(text: string): number {
  const name = text.trim();
  if (name === "SECOND") return 1000;
  const [, limit] = /^LIMITS\.(.+)$/.exec(name) ?? [];
  return limit === undefined
    ? Number(name.replaceAll("_", ""))
    : Number(limits.find(([known]) => known === limit)?.[1]);
}

function sourceOf(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
}

/** Files of which no constant may be left out. One that is a limit by another name has no figure of its own. */
const FOLDERS = ["claims/src", "peer/src/claiming"];
const ownFigures = FOLDERS.flatMap((folder) =>
  readdirSync(new URL(`../../${folder}`, import.meta.url)).flatMap((name) =>
    [...sourceOf(`${folder}/${name}`).matchAll(/^(?:export )?const ([A-Z_]+) = [^;({]*\d[^;({]*;/gm)].map(
      ([, constant]) => `${constant} of ${folder}/${name}`,
    ),
  ),
);

describe("docs/limits.md agrees with the code", () => {
  it("has every limit once, and none that is gone", () => {
    expect(documented.map(({ name }) => name)).toEqual(limits.map(([name]) => name));
  });

  it.each(limits)("%s has its value", (name, value) => {
    const [text = ""] = documented.find((row) => row.name === name)?.cells ?? [];
    expect(numbersOf(text)).toEqual([value]);
  });

  it.each(constants.map(({ name, cells }) => [name, ...cells]))("%s of %s is %s", (name, file, text) => {
    expect(constantIn(file ?? "", name ?? "")).toEqual(numbersOf(text ?? ""));
  });

  it.each(ownFigures)("%s is in it", (constant) => {
    expect(constants.map(({ name, cells: [file] }) => `${name} of ${file}`)).toContain(constant);
  });

  it("tells what each of them is for", () => {
    for (const { name, cells } of rows) expect(cells.at(-1), name).toMatch(/\w{3}/);
  });
});
