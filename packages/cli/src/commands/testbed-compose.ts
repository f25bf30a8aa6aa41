import { join } from "node:path";
import {
  type Cell,
  cellsOf,
  loadScenario,
  type Scenario,
  timeScaleNote,
  writeComposeTestbed,
} from "@cachetorrent/testbed";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { counted } from "../counted.ts";
import { namedBy, ownUser, quoted, scenarioFile } from "../scenario-file.ts";

interface ComposeFlags {
  readonly out?: string;
  readonly policy?: string;
  readonly variant?: string;
}

/** `testbed compose`: what `testbed run --on compose` brings up, to be brought up by hand. */
export function defineCompose(testbed: Command, context: Context): void {
  testbed
    .command("compose")
    .summary("write a scenario as a compose file, to bring up by hand")
    .description(
      "Write the compose file of one policy of a scenario, with its content, torrent and AS table: autonomous systems as networks of containers, with borders between them. Nothing is started.",
    )
    .argument("<SCENARIO>", "a scenario's file, or the name of one that comes along")
    .option("--out <DIR>", "where to write, a new folder (default: out/compose/NAME)")
    .option("--policy <LABEL>", "the policy (default: the scenario's first)")
    .option("--variant <NAME>", "the variant (default: the scenario's first)")
    .action(async (name: string, flags: ComposeFlags) => {
      context.stdout.write(await write(name, flags, context));
    });
}

async function write(name: string, flags: ComposeFlags, { stderr }: Context): Promise<string> {
  const scenario = await loadScenario(await scenarioFile(name), { inContainers: true });
  const note = timeScaleNote(scenario);
  const dir = flags.out ?? join("out", "compose", scenario.name);
  const cell = cellFor(scenario, flags);
  const { plan } = await writeComposeTestbed({
    scenario,
    cell,
    dir,
    user: ownUser(),
    command: commandLine(name, flags),
  });
  if (note !== undefined) stderr.write(`testbed compose: ${note}\n`);
  const compose = `docker compose -f ${quoted(join(dir, "compose.yml"))}`;
  const stock = plan.stock.length > 0 ? `, ${counted(plan.stock.length, "stock client")}` : "";
  const peers = plan.peers.filter((peer) => !peer.isInitialSeed).length;
  const seeds = counted(plan.peers.length - peers, "initial seed");
  const inDir = (name: string) => quoted(join(dir, name));
  const second = plan.peers.find((peer) => !peer.isInitialSeed)?.name ?? "tracker";
  return `${join(dir, "compose.yml")}: ${counted(peers, "peer")}, ${seeds}${stock} in ${counted(plan.ases.length, "AS", "ASes")}, policy ${cell.policy.label}

Once, in a clone:  docker build -f docker/Dockerfile -t cachetorrent .
${plan.stock.length > 0 ? "                   docker build -t cachetorrent-stock docker/stock\n" : ""}Bring it up:       ${compose} up -d
Watch the swarm:   curl http://127.0.0.1:6969/stats.json      (TRACKER_PORT=N before "up" for another port)
Watch a peer:      ${compose} logs -f ${second}
Cut an AS off:     ${compose} exec border1 border-ctl down    (and heal it: border-ctl up)
A border's bytes:  ${compose} exec border1 border-ctl counters
What peers got:    ${join(dir, "accounts")}, a ledger for each
A table of it:     cachetorrent testbed watch ${inDir("torrent/content.torrent")} ${inDir("accounts")} --counters ${inDir("counters")} --peers ${peers}
Take it down:      ${compose} down -v
`;
}

function cellFor(scenario: Scenario, { policy, variant }: ComposeFlags): Cell {
  const [first] = cellsOf(scenario) as [Cell];
  return {
    ...first,
    ...(policy === undefined
      ? {}
      : { policy: namedBy("--policy", policy, scenario.policies, ({ label }) => label) }),
    ...(variant === undefined
      ? {}
      : { variant: namedBy("--variant", variant, scenario.variants, (one) => one.name) }),
  };
}

function commandLine(name: string, { out, policy, variant }: ComposeFlags): string {
  return [
    `cachetorrent testbed compose ${quoted(name)}`,
    ...(policy === undefined ? [] : [`--policy ${quoted(policy)}`]),
    ...(variant === undefined ? [] : [`--variant ${quoted(variant)}`]),
    ...(out === undefined ? [] : [`--out ${quoted(out)}`]),
  ].join(" ");
}
