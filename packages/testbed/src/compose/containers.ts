import type { CommandOutput, DockerCli } from "./docker-cli.ts";

/** A container that does not end by itself when told is ended after so many seconds. */
const GRACE_S = 3;
const PROJECT_LABEL = "com.docker.compose.project";
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
    await this.#docker.docker(["kill", "-s", "KILL", ...alive.map((one) => this.#nameOf(one))]);
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
