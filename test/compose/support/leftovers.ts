import { existsSync } from "node:fs";
import { docker } from "./docker.ts";

/** What compose marks with its project all that it makes. */
export const PROJECT_LABEL = "com.docker.compose.project";
/** So begins the name of each project of a test: a later run knows the leftovers of a dead one by it. */
const PROJECT = /^ct-test(\d+)-/;

/** What a scenario of this process is called, so that its project is known for one of a test: `test123-faults`. */
export function scenarioName(name: string): string {
  return `test${process.pid}-${name}`;
}

/** What a project of this process is called: `ct-test123-sites`. */
export function projectName(name: string): string {
  return `ct-${scenarioName(name)}`;
}

/** Docker's words to list a kind of things, those to remove them, and how the list names the project of each. */
const KINDS = [
  { list: ["ps", "--all"], remove: ["rm", "--force", "--volumes"] },
  { list: ["network", "ls"], remove: ["network", "rm"] },
  { list: ["volume", "ls"], remove: ["volume", "rm", "--force"] },
] as const;

/** What Docker still has of these projects: the words that remove it, and what to remove, in an order that works. */
async function listed(
  isMeant: (project: string) => boolean,
): Promise<{ remove: readonly string[]; names: string[] }[]> {
  const lists = KINDS.map(async ({ list, remove }) => {
    // A volume has no id.
    const name = list[0] === "volume" ? ".Name" : ".ID";
    const lines = (await docker(...list, "--format", `{{${name}}} {{.Label "${PROJECT_LABEL}"}}`)).split(
      "\n",
    );
    const owned = lines.map((line) => line.split(" ") as [name: string, project?: string]);
    return { remove, names: owned.flatMap(([one, project]) => (project && isMeant(project) ? one : [])) };
  });
  return Promise.all(lists);
}

/** Names of what Docker still has of the project. */
export async function leftoversOf(project: string): Promise<string[]> {
  return (await listed((one) => one === project)).flatMap(({ names }) => names);
}

/**
 * Removes what tests of processes that no longer live have left: an engine keeps containers and networks over its own end, and all
 * testbeds have the same addresses.
 */
export async function removeLeftovers(): Promise<void> {
  const isDead = (project: string) => {
    const pid = PROJECT.exec(project)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  };
  for (const { names, remove } of await listed(isDead))
    if (names.length > 0) await docker(...remove, ...names);
}
