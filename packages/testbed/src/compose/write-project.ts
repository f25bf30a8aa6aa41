import { chmod, writeFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { makeDirectory } from "@cachetorrent/files";
import type { PreparedContent } from "../prepare-content.ts";
import type { Cell, Scenario } from "../scenario/scenario.ts";
import { asTable } from "./as-table.ts";
import { composeDocument, countersName, TORRENT_FILE } from "./compose-document.ts";
import { type ComposePlan, planCompose } from "./compose-plan.ts";
import { composeText } from "./compose-text.ts";
import { stockSetup } from "./stock-clients.ts";

export interface ProjectOptions {
  readonly scenario: Scenario;
  readonly cell: Cell;
  readonly content: PreparedContent;
  /** `UID:GID` that containers run as: of this process, since they write into its folders. */
  readonly user: string;
  /** What makes it again. */
  readonly command: string;
  /** Not to be brought up by hand: peers other than initial seeds join once their gate is open, and all print JSON. */
  readonly isForRun: boolean;
}

/** A compose project on disk. */
export interface Project {
  readonly dir: string;
  readonly composeFile: string;
  /** What compose calls it when a run brings it up: the scenario's name is in it. */
  readonly project: string;
  readonly plan: ComposePlan;
  /** Of each peer, initial seeds aside. */
  dataDir(name: string): string;
  ledgerFile(name: string): string;
  countersFile(asn: number): string;
  /** The file that lets a peer begin by being there, where there are gates. */
  gateFile(name: string): string;
  /** The folder of a stock client's own. */
  stockDir(name: string): string;
}

/** What compose is told that a scenario's project is called. */
export function projectName({ name }: Pick<Scenario, "name">): string {
  return `ct-${name.replaceAll(/[^a-z0-9_-]/g, "-")}`;
}

/** Writes everything that `docker compose -f DIR/compose.yml up` needs into a new folder. Throws CT_ERR_USAGE for what cannot be run so. */
export async function writeProject(dir: string, options: ProjectOptions): Promise<Project> {
  const { cell, content, scenario } = options;
  const plan = planCompose(scenario, cell);
  const path = resolve(dir);
  const project: Project = {
    dir: path,
    composeFile: join(path, "compose.yml"),
    project: projectName(scenario),
    plan,
    dataDir: (name) => join(path, "data", name),
    ledgerFile: (name) => join(path, "accounts", `${name}.json`),
    gateFile: (name) => join(path, "gates", name),
    countersFile: (asn) => join(path, "counters", countersName(asn)),
    stockDir: (name) => join(path, "stock", name),
  };
  // Made here, or Docker would make them, and they would be root's.
  const folders = [
    "torrent",
    "accounts",
    "counters",
    "tracker/state",
    ...(options.isForRun ? ["gates"] : []),
  ].map((name) => join(path, name));
  const downloaders = [...plan.peers.filter((peer) => !peer.isInitialSeed), ...plan.stock];
  folders.push(...downloaders.map(({ name }) => project.dataDir(name)));
  for (const folder of folders) await makeDirectory(folder);
  // Borders run as root without root's powers: to them this folder is a stranger's.
  await chmod(join(path, "counters"), 0o777);
  await writeFile(join(path, "torrent", basename(TORRENT_FILE)), content.torrent);
  await writeFile(join(path, "tracker", "as-table.txt"), asTable(plan));
  for (const client of plan.stock) {
    const own = project.stockDir(client.name);
    await makeDirectory(own);
    for (const [name, text] of Object.entries(stockSetup(client, TORRENT_FILE).files))
      await writeFile(join(own, name), text, { mode: name.endsWith(".sh") ? 0o755 : 0o644 });
  }
  const { name } = content.metainfo;
  const document = composeDocument(plan, {
    ...cell,
    content: { name, source: sourceOf(join(content.dir, name), path) },
    user: options.user,
    isForRun: options.isForRun,
  });
  await writeFile(project.composeFile, composeText(document, head(options, plan)));
  return project;
}

/** What is inside the project goes with it when it is moved. */
function sourceOf(content: string, dir: string): string {
  const path = resolve(content);
  const within = relative(dir, path);
  return within.startsWith("..") ? path : `./${within}`;
}

function head({ cell, command, scenario }: ProjectOptions, plan: ComposePlan): string[] {
  const { policy, variant } = cell;
  return [
    `${scenario.name}: ${scenario.about}`,
    `Policy ${policy.label}${variant.name === "" ? "" : `, variant ${variant.name}`}; ${plan.peers.length} peers and ${plan.stock.length} stock clients in ${plan.ases.length} ASes.`,
    `Written by: ${command}`,
    "Addresses, services and what can be done to them: docs/testbed.md of CacheTorrent.",
  ];
}
