import { BlockList, isIPv4 } from "node:net";
import { PROJECT_LABEL, removalWords } from "./containers.ts";
import type { DockerCli } from "./docker-cli.ts";

/** A network of Docker's, and the compose project that it is of, if any. */
interface Network {
  readonly name: string;
  readonly project: string | undefined;
  /** As `198.18.1.0/24`. */
  readonly subnets: readonly string[];
}

/**
 * Who has something of these prefixes (IPv4) in this Docker, other than the project that is to have them: in words, with the
 * command that takes it away. Empty where all are free.
 */
export async function holdersOf(
  prefixes: readonly string[],
  docker: DockerCli,
  exceptProject: string,
): Promise<readonly string[]> {
  const holders = (await networks(docker))
    .filter(
      ({ project, subnets }) => project !== exceptProject && subnets.some((one) => meets(one, prefixes)),
    )
    .map(({ name, project }) =>
      project === undefined
        ? `the network ${name} (\`docker network rm ${name}\` removes it)`
        : `the project ${project}, another testbed or what a run that was killed has left (\`${removalWords(project)}\` removes it)`,
    );
  return [...new Set(holders)];
}

async function networks(docker: DockerCli): Promise<Network[]> {
  const ids = (await docker.docker(["network", "ls", "--quiet"])).stdout
    .split("\n")
    .filter((id) => id !== "");
  if (ids.length === 0) return [];
  const format = `{{.Name}}\t{{index .Labels "${PROJECT_LABEL}"}}\t{{range .IPAM.Config}}{{.Subnet}} {{end}}`;
  const { stdout } = await docker.docker(["network", "inspect", "--format", format, ...ids]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [name = "", project = "", subnets = ""] = line.split("\t");
      return { name, project: project || undefined, subnets: subnets.split(" ").filter((one) => one !== "") };
    });
}

/** Of two prefixes with something in common one has the other's first address. */
function meets(subnet: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => has(subnet, firstOf(prefix)) || has(prefix, firstOf(subnet)));
}

function has(prefix: string, address: string): boolean {
  const [, length] = prefix.split("/");
  if (!isIPv4(firstOf(prefix)) || !isIPv4(address)) return false;
  const list = new BlockList();
  list.addSubnet(firstOf(prefix), Number(length));
  return list.check(address);
}

function firstOf(prefix: string): string {
  return prefix.split("/")[0] ?? "";
}
