import { CtError } from "@cachetorrent/protocol";
import { expect } from "vitest";
import { readScenario } from "../../src/scenario/load-scenario.ts";
import type { Scenario } from "../../src/scenario/scenario.ts";

/** The least that a scenario has to say. */
export const LEAST = `
name: least
about: the least that a scenario says
ases:
  - { peers: 3, up: 100kB/s }
seeds: { up: 200kB/s }
torrent: { pieces: 64 }
policies:
  - { name: bittorrent }
`;

/** `LEAST` with these top-level keys in place of its own, or beside them. */
export function scenarioText(keys: Readonly<Record<string, string>> = {}): string {
  const lines = LEAST.trim().split("\n");
  const isOf = (key: string, line: string) => line.startsWith(`${key}:`);
  const kept: string[] = [];
  let isReplaced = false;
  for (const line of lines) {
    if (!line.startsWith(" ")) isReplaced = Object.keys(keys).some((key) => isOf(key, line));
    if (!isReplaced) kept.push(line);
  }
  return [...kept, ...Object.entries(keys).map(([key, value]) => `${key}: ${value}`)].join("\n");
}

export function scenario(keys: Readonly<Record<string, string>> = {}): Scenario {
  return readScenario(scenarioText(keys), "a.yml");
}

/** What reading this text is refused with. */
export function refusal(text: string): string {
  try {
    readScenario(text, "a.yml");
  } catch (error) {
    expect(error).toBeInstanceOf(CtError);
    expect((error as CtError).code).toBe("CT_ERR_CONFIG");
    return (error as CtError).message;
  }
  throw new Error("it was not refused");
}
