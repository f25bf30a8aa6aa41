import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { errnoOf } from "@cachetorrent/peer";
import { type Asn, CtError, LIMITS } from "@cachetorrent/protocol";
import { crowdedAs } from "../compose/compose-room.ts";
import { type FaultPlace, faultOf, momentOf } from "./faults.ts";
import { layOut } from "./layout.ts";
import { settingInVain } from "./policy-settings.ts";
import { readDocument } from "./read-document.ts";
import {
  defaultLabel,
  type Scenario,
  type ScenarioAs,
  type ScenarioContent,
  type ScenarioPolicy,
  type ScenarioVariant,
} from "./scenario.ts";
import {
  type KillEntry,
  type PolicyEntry,
  type ScenarioFile,
  ScenarioSchema,
  type VariableSettings,
} from "./schema.ts";

const MINUTE = 60_000;
const { election, tracker, peer } = LIMITS;
/** Joined at once, hundreds of peers would measure how fast their machine starts them. */
const SPREAD_MS = 2000;
const TIME_LIMIT_MS = 60 * MINUTE;

/** Reads and checks a scenario's file, for containers also that they have room for it. Throws CT_ERR_CONFIG naming file, line and key. */
export async function loadScenario(
  file: string,
  { inContainers = false }: { readonly inContainers?: boolean } = {},
): Promise<Scenario> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new CtError("CT_ERR_CONFIG", `cannot read the scenario ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
  const { asPaths, fail, scenario } = checked(text, file);
  const { content } = scenario;
  if (content.kind === "path" && !(await isThere(content.path)))
    fail("torrent.path", `${content.path}: there is no such file or directory`);
  const crowded = inContainers ? crowdedAs(scenario) : undefined;
  if (crowded) fail(asPaths[crowded.index] ?? "ases", crowded.why);
  return scenario;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    // Of any other error whoever reads the content tells.
    (error: unknown) => errnoOf(error) !== "ENOENT",
  );
}

/** As `loadScenario`, of text; `file` names it in errors, and paths in it are relative to its folder, and not looked at. */
export function readScenario(text: string, file: string): Scenario {
  return checked(text, file).scenario;
}

interface Checked {
  readonly scenario: Scenario;
  /** The key of each AS. */
  readonly asPaths: readonly string[];
  readonly fail: Fail;
}

function checked(text: string, file: string): Checked {
  const document = readDocument(ScenarioSchema, text, file);
  const entry = document.value as ScenarioFile;
  const fail: Fail = (path, message) => {
    throw new CtError("CT_ERR_CONFIG", `${file}:${document.lineOf(path)}: ${path}: ${message}`);
  };
  const { ases, paths, seedAsns } = layOut(entry, fail);
  const scenario: Scenario = {
    name: entry.name,
    about: entry.about,
    ases,
    content: contentOf(entry.torrent, file, fail),
    policies: policiesOf(entry.policies, fail),
    variants: variantsOf(entry, ases, seedAsns, fail),
    repetitions: entry.repetitions ?? 1,
    seed: entry.seed ?? 1,
    timeScale: entry["time-scale"] ?? 1,
    storage: entry.storage ?? "shared",
  };
  return { scenario, asPaths: paths, fail };
}

/** Throws an error at the key of this path. */
export type Fail = (path: string, message: string) => never;

function contentOf(torrent: ScenarioFile["torrent"], file: string, fail: Fail): ScenarioContent {
  const pieceLength = torrent["piece-length"];
  if (pieceLength !== undefined && !Number.isInteger(Math.log2(pieceLength))) {
    fail("torrent.piece-length", `must be a power of two from 16KiB to 16MiB, not ${pieceLength}`);
  }
  if (torrent.path !== undefined) {
    if (torrent.pieces !== undefined)
      fail("torrent", "has either pieces (random content) or a path, not both");
    return { kind: "path", path: resolve(dirname(file), torrent.path), pieceLength };
  }
  if (torrent.pieces === undefined) return fail("torrent", "must have pieces (random content) or a path");
  return { kind: "random", pieces: torrent.pieces, pieceLength: pieceLength ?? peer.pieceLengthLeast };
}

function policiesOf(entries: readonly PolicyEntry[], fail: Fail): ScenarioPolicy[] {
  const policies = entries.map((entry, i): ScenarioPolicy => {
    const inVain = settingInVain(entry);
    if (inVain) fail(`policies[${i}].${inVain.setting}`, inVain.why);
    const { name, fetchers, "hand-out": handOut, ranges, relief } = entry;
    const leaderPercent = entry["leader-percent"];
    const externalPercent = entry["external-percent"];
    const { label: _, name: __, ...trackerSettings } = entry;
    return {
      label:
        entry.label ??
        defaultLabel(name, [ranges, leaderPercent ?? externalPercent, relief && `relief ${relief}`]),
      name,
      ...(leaderPercent === undefined ? {} : { leaderPercent }),
      ...(externalPercent === undefined ? {} : { externalPercent }),
      ...(handOut === undefined ? {} : { handOut }),
      ...(ranges === undefined ? {} : { ranges }),
      ...(fetchers === undefined ? {} : { fetchers }),
      ...(relief === undefined ? {} : { relief }),
      trackerSettings,
    };
  });
  policies.forEach(({ label, leaderPercent, name, ranges }, i) => {
    if (policies.findIndex((other) => other.label === label) < i) {
      fail(`policies[${i}]`, `there is another policy "${label}": give it a label of its own`);
    }
    const led = (ranges ?? 2) * (leaderPercent ?? election.leaderPercent);
    if (name === "multi" && led > 100) {
      fail(`policies[${i}]`, `ranges times leader-percent is ${led}: at most 100 in a hundred can lead`);
    }
  });
  return policies;
}

function variantsOf(
  entry: ScenarioFile,
  ases: readonly ScenarioAs[],
  seedAsns: readonly Asn[],
  fail: Fail,
): ScenarioVariant[] {
  const entries = entry.variants ?? [{ name: "" }];
  return entries.map((variant, i) => {
    if (entries.findIndex((other) => other.name === variant.name) < i) {
      fail(`variants[${i}].name`, `there is another variant "${variant.name}"`);
    }
    const settings = { ...entry, ...variant } as VariableSettings & Pick<ScenarioFile, "seeds">;
    const pathOf = (key: keyof VariableSettings) => (key in variant ? `variants[${i}].${key}` : key);
    const { seeds, neighbours, arrivals, departures, slow } = settings;
    if ((arrivals?.late ?? 0) > 0 && arrivals?.["late-by"] === undefined) {
      fail(pathOf("arrivals"), `late needs late-by, the time until which they join`);
    }
    if (arrivals?.late === undefined && arrivals?.["late-by"] !== undefined) {
      fail(`${pathOf("arrivals")}.late-by`, "without late, the share that joins late, nobody does");
    }
    if (departures?.when === "complete" && departures.within !== undefined) {
      fail(`${pathOf("departures")}.within`, "is for departures at random times: these leave when complete");
    }
    if (departures?.when === "random" && departures.within === undefined) {
      fail(pathOf("departures"), "departures at random times need within, the time until which they happen");
    }
    const kills = (settings.kills ?? []).map((kill, n) => killOf(kill, `${pathOf("kills")}[${n}]`, fail));
    const initialSeeds = { asn: seedAsns[i] ?? (0 as Asn), count: seeds.count ?? 1, up: seeds.up };
    const place: Omit<FaultPlace, "path"> = { ases, seeds: initialSeeds, fail };
    const faults = (settings.faults ?? []).map((fault, n) =>
      faultOf(fault, { ...place, path: `${pathOf("faults")}[${n}]` }),
    );
    return {
      name: variant.name,
      seeds: initialSeeds,
      numwant: neighbours?.numwant ?? tracker.numwantDefault,
      connections: neighbours?.connections ?? peer.connectionsPerTorrent,
      arrivals: {
        spreadMs: arrivals?.spread ?? SPREAD_MS,
        lateShare: (arrivals?.late ?? 0) / 100,
        lateByMs: arrivals?.["late-by"] ?? 0,
      },
      departures: {
        share: (departures?.share ?? 0) / 100,
        when: departures?.when ?? "complete",
        withinMs: departures?.within ?? 0,
      },
      kills,
      // What is not there is left out: cells that were run before there were faults are found again by it.
      ...(faults.length > 0 ? { faults } : {}),
      slow: { share: (slow?.share ?? 0) / 100, factor: slow?.factor ?? 1 },
      timeLimitMs: settings["time-limit"] ?? TIME_LIMIT_MS,
    };
  });
}

function killOf(kill: KillEntry, path: string, fail: Fail): ScenarioVariant["kills"][number] {
  return { whom: kill.whom, share: (kill.share ?? 100) / 100, at: momentOf(kill, path, fail) };
}
