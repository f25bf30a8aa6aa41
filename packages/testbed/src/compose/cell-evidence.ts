import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CellRecords } from "../cell-records.ts";
import type { PreparedContent } from "../prepare-content.ts";
import type { BorderCounters, StockRecord } from "../report/results.ts";
import { borderLine, borderLines, borderSeries } from "./border-series.ts";
import { borderService } from "./compose-document.ts";
import type { ComposePlan } from "./compose-plan.ts";
import type { ComposeSwarm } from "./compose-swarm.ts";
import { verifyCopy } from "./copies.ts";
import { peerWords } from "./peer-words.ts";
import type { Population } from "./population.ts";
import { COMPLETED_FILE } from "./stock-clients.ts";
import type { SwarmWatch } from "./swarm-watch.ts";

const WARNINGS_MOST = 200;

/** Stops all peers that were started, so that their ledgers are whole, and looks at them a last time. */
export async function lastLook(
  swarm: ComposeSwarm,
  watch: SwarmWatch,
  started: readonly string[],
): Promise<void> {
  await swarm.containers.stop(started);
  watch.look(await swarm.ledgers(), new Set());
}

/** The borders' counters over the time of the run, to what they say now. */
export async function borderCounters(
  swarm: ComposeSwarm,
  span: { readonly startAt: number; readonly endAt: number; readonly stepMs: number },
): Promise<BorderCounters> {
  const borders = await swarm.each(swarm.project.plan.ases, async ({ asn, place }) => {
    const lines = borderLines(await readFile(swarm.project.countersFile(asn), "utf8"));
    const { stdout } = await swarm.containers.exec(borderService(place), ["border-ctl", "counters"]);
    const last = borderLine(stdout.trim());
    return last ? [...lines, last] : lines;
  });
  return borderSeries(borders, span);
}

/** What the peers' streams tell, of those that were started, and whether each led when it became complete. */
export async function peerEvidence(
  swarm: ComposeSwarm,
  watch: SwarmWatch,
  started: readonly string[],
): Promise<Pick<CellRecords, "peers" | "escapes" | "warnings">> {
  const { peers } = swarm.project.plan;
  const records = watch.records;
  const ours = peers.map(({ name }) => name).filter((name) => started.includes(name));
  const wordsOf = new Map(
    await swarm.each(ours, async (name) => [name, peerWords(await swarm.containers.logs(name))] as const),
  );
  return {
    peers: peers.map(({ id, name }, i) => ({
      id,
      ledger: (records[i] as (typeof records)[number]).ledger,
      ledAtCompletion: watch.ledAtCompletion(id),
      claims: wordsOf.get(name)?.claims,
    })),
    escapes: peers.flatMap(({ id, name }) =>
      (wordsOf.get(name)?.escapes ?? []).map((one) => ({ id, ...one })),
    ),
    warnings: [...wordsOf]
      .flatMap(([name, words]) => words.warnings.map((line) => `${name}: ${line}`))
      .slice(0, WARNINGS_MOST),
  };
}

/** When a stock client's hook said that it was complete, ms since the Unix epoch. */
export async function completedAt(swarm: ComposeSwarm, name: string): Promise<number | undefined> {
  try {
    return Number(await readFile(join(swarm.project.stockDir(name), COMPLETED_FILE), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export function stockRecords(
  { stock }: ComposePlan,
  population: Pick<Population, "startedAt">,
  completed: ReadonlyMap<string, number>,
): StockRecord[] {
  return stock.map(({ asn, client, name }) => {
    const from = population.startedAt(name);
    const at = completed.get(name);
    const ms = from === undefined || at === undefined ? null : Math.max(0, Math.round(at - from));
    return { name, client, asn, completed: at !== undefined, ms };
  });
}

/** Reads the copies of all that say they are complete, stock clients too. Throws CT_ERR_TESTBED for one that is not right. */
export async function verifyCopies(
  swarm: ComposeSwarm,
  watch: SwarmWatch,
  stockCompleted: ReadonlyMap<string, number>,
  { metainfo }: PreparedContent,
): Promise<void> {
  const { peers, stock } = swarm.project.plan;
  const names = [
    ...peers.filter(({ id, isInitialSeed }) => !isInitialSeed && watch.isComplete(id)),
    ...stock.filter(({ name }) => stockCompleted.has(name)),
  ].map(({ name }) => name);
  // One after the other: they are read from the disk.
  for (const name of names) await verifyCopy(name, metainfo, swarm.project.dataDir(name));
}
