import { readFile } from "node:fs/promises";
import { CtError, type InfoHash, isInfoHash, type LeadersPolicy, type Policy } from "@cachetorrent/protocol";
import type { AccessLists } from "./access-control.ts";
import { type AsKnowledge, asKnowledge } from "./as-resolver/as-knowledge.ts";
import { PrefixTable } from "./as-resolver/prefix-table.ts";
import { loadRouteDatabase } from "./as-resolver/route-database.ts";
import type { TrackerConfig } from "./config.ts";
import { checkPolicies, type Policies } from "./policies.ts";
import { AddressSet, parsePrefix } from "./prefix.ts";

/** Where ASes are known from. */
export type AsSources = Pick<TrackerConfig, "as-prefix" | "as-table" | "route-db">;

/**
 * The operator's table first, then the route databases in their order.
 * @throws CtError CT_ERR_CONFIG or CT_ERR_AS_TABLE, naming the file.
 */
export async function loadAsKnowledge(config: AsSources): Promise<AsKnowledge> {
  const table = new PrefixTable();
  const tableFile = config["as-table"];
  if (tableFile !== undefined) table.addLines(await readText(tableFile, "as-table"), tableFile);
  for (const assignment of config["as-prefix"]) table.addAssignment(assignment);
  const databases = config["route-db"].map(async (file) => ({
    file,
    database: await loadRouteDatabase(file),
  }));
  return asKnowledge(table, await Promise.all(databases));
}

/** @throws CtError CT_ERR_CONFIG, naming the file and line. */
export async function loadAccessLists(config: TrackerConfig): Promise<AccessLists> {
  const allowList = config["allow-list"];
  const tokens = config.tokens;
  return {
    ...(allowList === undefined ? {} : { allowList: new Set(await readInfoHashes(allowList)) }),
    ...(tokens === undefined ? {} : { tokens: new Set(await readTokens(tokens)) }),
  };
}

/** @throws CtError CT_ERR_CONFIG, naming the option and the swarm. */
export function policiesOf(config: TrackerConfig): Policies {
  const overrides = new Map<InfoHash, Policy>();
  for (const [key, swarm] of Object.entries(config.swarms)) {
    overrides.set(asInfoHash(key, `swarms.${key}`), policyOf({ ...config, ...swarm }));
  }
  const policies = { standard: policyOf(config), overrides };
  checkPolicies(policies);
  return policies;
}

type PolicyConfig = Pick<
  TrackerConfig,
  | "policy"
  | "hand-out"
  | "external-percent"
  | "ranges"
  | "leader-percent"
  | "deadline"
  | "fetchers"
  | "relief"
>;

function policyOf(config: PolicyConfig): Policy {
  const externalPercent = config["external-percent"];
  switch (config.policy) {
    case "bittorrent":
      return { name: config.policy };
    case "biased":
      return { name: config.policy, externalPercent };
    case "cache":
      return { name: config.policy, ...leadersPolicy(config) };
    case "multi":
      return { name: config.policy, ranges: config.ranges, ...leadersPolicy(config) };
    case "coordinated":
      return {
        name: config.policy,
        fetchers: config.fetchers,
        relief: config.relief,
        leaderPercent: config["leader-percent"],
        deadlineMs: config.deadline * 1000,
      };
  }
}

function leadersPolicy(config: PolicyConfig): LeadersPolicy {
  return {
    leaderPercent: config["leader-percent"],
    deadlineMs: config.deadline * 1000,
    ...(config["hand-out"] === "biased" ? { externalPercent: config["external-percent"] } : {}),
  };
}

export function addressSet(cidrs: readonly string[], option: string): AddressSet {
  return new AddressSet(
    cidrs.map((cidr) => {
      const prefix = parsePrefix(cidr);
      if (!prefix.ok) throw new CtError("CT_ERR_CONFIG", `${option}: ${prefix.error.message}`);
      return prefix.value;
    }),
  );
}

/** @throws CtError CT_ERR_CONFIG, naming the option and the file. */
export async function readText(file: string, option: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : message;
    throw new CtError("CT_ERR_CONFIG", `${option}: cannot read ${file}: ${why}`, { cause });
  }
}

async function readInfoHashes(file: string): Promise<InfoHash[]> {
  const lines = listLines(await readText(file, "allow-list"));
  return lines.map(([line, text]) => asInfoHash(text, `allow-list ${file}:${line}`));
}

async function readTokens(file: string): Promise<string[]> {
  const lines = listLines(await readText(file, "tokens"));
  for (const [line, token] of lines) {
    // Named by its line only: it is a secret.
    if (!/^[\w~.-]{1,100}$/.test(token)) {
      throw new CtError(
        "CT_ERR_CONFIG",
        `tokens ${file}:${line}: a token is 1 to 100 letters, digits and - . _ ~`,
      );
    }
  }
  return lines.map(([, token]) => token);
}

/** The lines that say something, with their numbers; `#` begins a comment. */
function listLines(text: string): [line: number, text: string][] {
  return text
    .split(/\r?\n/)
    .map((line, i): [number, string] => [i + 1, line.replace(/#.*/, "").trim()])
    .filter(([, line]) => line !== "");
}

function asInfoHash(text: string, where: string): InfoHash {
  const infoHash = text.toLowerCase();
  if (isInfoHash(infoHash)) return infoHash;
  throw new CtError("CT_ERR_CONFIG", `${where}: not an info-hash of 40 hex digits`);
}
