import { formatSize } from "@cachetorrent/protocol";
import { bundledScenarios, cellsOf, estimateMs, loadScenario } from "@cachetorrent/testbed";
import { counted } from "./counted.ts";
import { duration } from "./report/progress-line.ts";
import { table } from "./table.ts";

/** The scenarios that come along, for people. */
export async function scenarioList(): Promise<string> {
  const parts: string[] = [];
  for (const { file, name } of await bundledScenarios()) {
    const scenario = await loadScenario(file);
    const { ases, content, policies, repetitions, variants } = scenario;
    const peers = ases.reduce((sum, one) => sum + one.peers, 0);
    const sites = ases.filter((one) => one.peers > 0).length;
    const bytes = content.kind === "random" ? content.pieces * content.pieceLength : undefined;
    const cells = cellsOf(scenario);
    const rows: [string, string][] = [
      ["for", scenario.about],
      ["swarm", `${counted(peers, "peer")} in ${counted(sites, "AS", "ASes")}`],
      [
        "content",
        bytes === undefined
          ? "a path"
          : `${formatSize(bytes)} in ${counted(content.kind === "random" ? content.pieces : 0, "piece")}`,
      ],
      ["policies", policies.map((policy) => policy.label).join(", ")],
      ...(variants.length > 1
        ? [["variants", variants.map((one) => one.name).join(", ")] as [string, string]]
        : []),
      ["cells", `${cells.length} (${counted(repetitions, "repetition")})`],
    ];
    if (variants.some((one) => one.faults) || ases.some((one) => one.stock))
      rows.push(["runs", "in containers only, --on compose"]);
    if (bytes !== undefined) {
      const ms = cells.reduce((sum, cell) => sum + estimateMs(scenario, cell, bytes), 0);
      rows.push(["takes", `about ${duration(ms)}`]);
    }
    parts.push(`${name}\n${table(rows, "  ")}`);
  }
  return parts.join("\n");
}
