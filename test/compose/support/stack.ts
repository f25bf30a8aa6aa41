import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadMetainfo, type Metainfo } from "@cachetorrent/peer";
import { readWatchedSwarm, type WatchedSwarm } from "@cachetorrent/testbed";
import { COMPOSE, command, docker, IMAGE } from "./docker.ts";
import { leftoversOf, projectName } from "./leftovers.ts";

/** The containers of a compose file, docker/compose.yml unless said, under one project of their own. */
export class Stack {
  readonly project: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #file: string;

  constructor(name: string, env: Readonly<Record<string, string>>, file = "docker/compose.yml") {
    this.project = projectName(name);
    this.#file = file;
    this.#env = { CACHETORRENT_IMAGE: IMAGE, ...env };
  }

  compose(...args: string[]): Promise<string> {
    const [file, ...before] = COMPOSE;
    return command(file, [...before, "-f", this.#file, "-p", this.project, ...args], this.#env);
  }

  async up(): Promise<void> {
    await this.compose("up", "-d");
  }

  async down(): Promise<void> {
    await this.compose("down", "-v", "--remove-orphans");
  }

  /** What volumes hold stays, as after a `down` of somebody who forgot the -v. */
  async downButVolumes(): Promise<void> {
    await this.compose("down");
  }

  /** The container of a service. Docker's own command answers at once, the older docker-compose after more than a second. */
  async container(service: string): Promise<string> {
    const labels = [`project=${this.project}`, `service=${service}`];
    const filters = labels.flatMap((label) => ["--filter", `label=com.docker.compose.${label}`]);
    return (await docker("ps", "--all", "--quiet", ...filters)).trim();
  }

  async exec(service: string, ...args: string[]): Promise<string> {
    return docker("exec", await this.container(service), ...args);
  }

  /** Waits until the service is done; its exit code. */
  async ended(service: string): Promise<number> {
    return Number(await docker("wait", await this.container(service)));
  }

  async log(service: string): Promise<string> {
    return docker("logs", await this.container(service));
  }

  /** `running healthy`, say. */
  async state(service: string): Promise<string> {
    const format = "{{.State.Status}} {{with .State.Health}}{{.Status}}{{end}}";
    return (await docker("inspect", "-f", format, await this.container(service))).trim();
  }

  /** What peers and borders have written down. */
  async accounts(): Promise<{ swarm: WatchedSwarm; metainfo: Metainfo }> {
    const dir = await mkdtemp(join(tmpdir(), "ct-compose-"));
    try {
      const report = await this.container("report");
      await docker("cp", `${report}:/accounts`, dir);
      await docker("cp", `${report}:/torrent`, dir);
      const metainfo = await loadMetainfo(join(dir, "torrent/content.torrent"));
      return { metainfo, swarm: await readWatchedSwarm(join(dir, "accounts"), metainfo.infoHash) };
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }

  /** Names of what Docker still has of the project. */
  leftovers(): Promise<string[]> {
    return leftoversOf(this.project);
  }
}

/** The services of compose.yml whose names begin so. */
export async function servicesLike(beginning: string): Promise<string[]> {
  const text = await readFile(new URL("../../../docker/compose.yml", import.meta.url), "utf8");
  return [...text.matchAll(/^ {2}([\w-]+):$/gm)]
    .map(([, name]) => name ?? "")
    .filter((name) => name.startsWith(beginning));
}
