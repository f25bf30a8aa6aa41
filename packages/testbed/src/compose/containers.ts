import { CtError } from "@cachetorrent/protocol";
import type { CommandOutput, DockerCli } from "./docker-cli.ts";

/** A container that does not end by itself when told is ended after so many seconds. */
const GRACE_S = 3;
/** So many lines are the last words of one that ended. */
const LAST_LINES = 8;
/** What compose marks with its project all that it makes. */
export const PROJECT_LABEL = "com.docker.compose.project";
const SERVICE_LABEL = "com.docker.compose.service";

/** The containers of one project, by the names of their services. */
export class Containers {
  readonly #docker: DockerCli;
  readonly #project: string;
  readonly #names: ReadonlyMap<string, string>;

  private constructor(docker: DockerCli, project: string, names: ReadonlyMap<string, string>) {
    this.#docker = docker;
    this.#project = project;
    this.#names = names;
  }

  /** Of a project that was created, or brought up. */
  static async of(docker: DockerCli, project: string): Promise<Containers> {
    const listed = await listContainers(docker, project);
    return new Containers(docker, project, new Map(listed.map(({ name, service }) => [service, name])));
  }

  async start(service: string): Promise<void> {
    await this.#docker.docker(["start", this.#nameOf(service)]);
  }

  /** SIGTERM, as by a user who ends a program; SIGKILL to those that stay. */
  async stop(services: readonly string[]): Promise<void> {
    if (services.length === 0) return;
    await this.#docker.docker(["stop", "-t", String(GRACE_S), ...services.map((one) => this.#nameOf(one))]);
  }

  /** SIGKILL. Those that have ended already are passed over. */
  async kill(services: readonly string[]): Promise<void> {
    const running = await this.running();
    const alive = services.filter((one) => running.has(one));
    if (alive.length === 0) return;
    try {
      await this.#docker.docker(["kill", "-s", "KILL", ...alive.map((one) => this.#nameOf(one))]);
    } catch (error) {
      // Faults that are due at the same moment may have the same victim.
      const survivors = await this.running();
      if (alive.some((one) => survivors.has(one))) throw error;
    }
  }

  exec(service: string, words: readonly string[]): Promise<CommandOutput> {
    return this.#docker.docker(["exec", this.#nameOf(service), ...words]);
  }

  /** What it printed, on each of its streams. */
  logs(service: string, tail?: number): Promise<CommandOutput> {
    const last = tail === undefined ? [] : ["--tail", String(tail)];
    return this.#docker.docker(["logs", ...last, this.#nameOf(service)]);
  }

  /** The services that run now. */
  async running(): Promise<ReadonlySet<string>> {
    const listed = await listContainers(this.#docker, this.#project);
    return new Set(listed.flatMap(({ service, state }) => (state === "running" ? service : [])));
  }

  /** Throws CT_ERR_TESTBED with the last words of one of these that does not run: it would be waited for in vain. */
  async callTheRoll(expected: Iterable<string>): Promise<void> {
    const running = await this.running();
    const missing = [...expected].find((name) => !running.has(name));
    if (missing === undefined) return;
    const { stderr, stdout } = await this.logs(missing, LAST_LINES);
    throw new CtError(
      "CT_ERR_TESTBED",
      `${missing} ended unasked. Its last words: ${(stderr || stdout).trim() || "(none)"}`,
    );
  }

  #nameOf(service: string): string {
    const name = this.#names.get(service);
    if (name === undefined) throw new RangeError(`no container of a service ${service}`);
    return name;
  }
}

/** Removes all containers, with their volumes, and networks of a project, whatever its compose file was. */
export async function removeProject(docker: DockerCli, project: string): Promise<void> {
  const filter = ["--filter", `label=${PROJECT_LABEL}=${project}`];
  const containers = words((await docker.docker(["ps", "--all", "--quiet", ...filter])).stdout);
  if (containers.length > 0) await docker.docker(["rm", "--force", "--volumes", ...containers]);
  const networks = words((await docker.docker(["network", "ls", "--quiet", ...filter])).stdout);
  if (networks.length > 0) await docker.docker(["network", "rm", ...networks]);
}

/** The same for a shell. */
export function removalWords(project: string): string {
  const filter = `--filter label=${PROJECT_LABEL}=${project}`;
  return `docker ps --all --quiet ${filter} | xargs -r docker rm --force --volumes; docker network prune --force ${filter}`;
}

async function listContainers(docker: DockerCli, project: string) {
  const format = `{{.Label "${SERVICE_LABEL}"}}\t{{.Names}}\t{{.State}}`;
  const filter = `label=${PROJECT_LABEL}=${project}`;
  const { stdout } = await docker.docker(["ps", "--all", "--filter", filter, "--format", format]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [service = "", name = "", state = ""] = line.split("\t");
      return { service, name, state };
    });
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
