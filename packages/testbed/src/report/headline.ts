import { formatTimes } from "./quantities.ts";
import type { TestbedReport } from "./results.ts";
import { type SummaryRow, summarise, variantsOf } from "./summary.ts";

/** The sentence that matters, for each variant that has one; never empty. */
export function headlines(report: TestbedReport): string[] {
  const rows = summarise(report);
  const variants = variantsOf(report);
  const sentences = variants.flatMap((variant) => {
    const sentence = sentenceOf(rows.filter((row) => row.variant === variant));
    if (sentence === undefined) return [];
    return [variants.length > 1 ? `${variant}: ${sentence}` : sentence];
  });
  return sentences.length > 0 ? sentences : ["No cell ran to its end, so there is nothing to compare."];
}

/** `coordinated` where it ran, else the policy under which the least crossed, beside BitTorrent where that ran. */
function sentenceOf(rows: readonly SummaryRow[]): string | undefined {
  const measured = rows.filter((row) => row.redundancy !== null);
  const plain = measured.find((row) => row.policy.name === "bittorrent");
  const best = bestOf(measured.filter((row) => row !== plain));
  const first = plain ?? best;
  if (!first) return undefined;
  const moved = `${nameOf(first)} moved each byte ${crossings(first)} times into each AS`;
  if (!plain || !best) return `${moved}; once would do.`;
  const time = best.p90ToBitTorrent;
  const inTime = time ? `, in ${Math.round(time.median * 100)} % of the time` : "";
  return `${moved}; ${nameOf(best)} ${crossings(best)} times${inTime}.${doubtOf(plain, best)}`;
}

/** The sentence is read alone: it says itself where the machine and not the policies may have set the pace. */
function doubtOf(...rows: readonly SummaryRow[]): string {
  const limited = rows.reduce((sum, row) => sum + row.machineLimited, 0);
  const done = rows.reduce((sum, row) => sum + row.done, 0);
  return limited > 0 ? ` The machine limited ${limited} of these ${done} cells.` : "";
}

function bestOf(rows: readonly SummaryRow[]): SummaryRow | undefined {
  const coordinated = rows.find((row) => row.policy.name === "coordinated");
  return coordinated ?? rows.toSorted((a, b) => (a.redundancy?.mean ?? 0) - (b.redundancy?.mean ?? 0))[0];
}

function nameOf({ policy }: SummaryRow): string {
  return policy.name === "bittorrent" ? "BitTorrent" : policy.label;
}

function crossings(row: SummaryRow): string {
  return formatTimes(row.redundancy?.mean ?? 0);
}
