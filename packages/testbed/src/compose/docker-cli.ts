import { spawn } from "node:child_process";
import type { Clock } from "@cachetorrent/clock";
import { CtError } from "@cachetorrent/protocol";

export interface DockerOptions {
  readonly clock: Clock;
  /** That of this process: PATH, DOCKER_HOST and the like count. */
  readonly env: NodeJS.ProcessEnv;
}

export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

interface CommandOptions {
  /** Ended after that; a ceiling, not an expectation. */
  readonly timeoutMs?: number;
  /** Beside the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

const TIMEOUT_MS = 120_000;
const WORDS_OF_ERROR = 600;

/** Docker's own commands, one process each. Errors are CT_ERR_TESTBED with the command and what it said. */
export class DockerCli {
  readonly #options: DockerOptions;
  #compose: readonly string[] | undefined;

  constructor(options: DockerOptions) {
    this.#options = options;
  }

  /** Rejects with what to do where there is no Docker, no compose, or an engine that does not answer. */
  async check(): Promise<void> {
    try {
      await this.docker(["version", "--format", "{{.Server.Version}}"]);
    } catch (error) {
      throw isMissing(error)
        ? new CtError(
            "CT_ERR_TESTBED",
            "there is no docker on the PATH: --on compose needs Docker Engine and its compose, on this machine",
          )
        : new CtError(
            "CT_ERR_TESTBED",
            `Docker's engine does not answer (DOCKER_HOST is ${this.#options.env.DOCKER_HOST ?? "not set"}): ${(error as Error).message}`,
          );
    }
    await this.#composeWords();
  }

  async hasImage(name: string): Promise<boolean> {
    const { stdout } = await this.docker(["image", "ls", "--quiet", name]);
    return stdout.trim() !== "";
  }

  docker(args: readonly string[], options: CommandOptions = {}): Promise<CommandOutput> {
    return this.#run(["docker", ...args], options);
  }

  async compose(
    { composeFile, project }: { readonly composeFile: string; readonly project: string },
    args: readonly string[],
    options: CommandOptions = {},
  ): Promise<CommandOutput> {
    const words = await this.#composeWords();
    return this.#run([...words, "-p", project, "-f", composeFile, ...args], options);
  }

  /** Today's plugin, or the older program of that name. */
  async #composeWords(): Promise<readonly string[]> {
    if (this.#compose) return this.#compose;
    for (const words of [["docker", "compose"], ["docker-compose"]]) {
      const isThere = await this.#run([...words, "version"], {}).then(
        () => true,
        () => false, // asked to learn whether it is there
      );
      if (!isThere) continue;
      this.#compose = words;
      return words;
    }
    throw new CtError(
      "CT_ERR_TESTBED",
      "docker is there, but neither `docker compose` nor `docker-compose`: install one of them",
    );
  }

  #run(words: readonly string[], { env, timeoutMs = TIMEOUT_MS }: CommandOptions): Promise<CommandOutput> {
    const [command = "", ...args] = words;
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...this.#options.env, ...env },
        // Ctrl-C is for us, who then take down what was brought up: not for a command that does just that.
        detached: true,
      });
      let stdout = "";
      let stderr = "";
      let isLate = false;
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      const limit = this.#options.clock.after(timeoutMs, () => {
        isLate = true;
        child.kill("SIGKILL");
      });
      const fail = (why: string, cause?: Error) =>
        reject(
          new CtError(
            "CT_ERR_TESTBED",
            `${shortened(words.join(" "))}: ${why}`,
            cause ? { cause } : undefined,
          ),
        );
      child.once("error", (cause) => {
        limit.cancel();
        fail(cause.message, cause);
      });
      child.once("close", (code, signal) => {
        limit.cancel();
        if (code === 0) resolve({ stdout, stderr });
        else if (isLate) fail(`did not end within ${timeoutMs / 1000} s`);
        else fail(lastWords(stderr || stdout) || `ended with ${code ?? signal}`);
      });
    });
  }
}

function isMissing(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === "ENOENT";
}

function lastWords(text: string): string {
  return text.trim().slice(-WORDS_OF_ERROR);
}

function shortened(command: string): string {
  return command.length <= 200 ? command : `${command.slice(0, 197)}...`;
}
