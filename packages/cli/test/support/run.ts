import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { runCommandLine } from "../../src/program.ts";

export const BIN = fileURLToPath(new URL("../../bin/cachetorrent", import.meta.url));

export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly bin?: string;
}

/**
 * What the real command does, in this process: a start takes half a second of a core, and most tests are not of that. One at a time, for
 * where a process is, all of it is.
 */
export async function call(args: readonly string[], options: Omit<RunOptions, "bin"> = {}): Promise<Outcome> {
  const text = { stdout: "", stderr: "" };
  const keep = (name: keyof typeof text) =>
    new Writable({
      decodeStrings: false,
      write: (part: string, _encoding, done) => {
        text[name] += part;
        done();
      },
    }) as NodeJS.WriteStream;
  const before = process.cwd();
  process.chdir(options.cwd ?? tmpdir());
  try {
    const env = { PATH: process.env.PATH, ...options.env };
    const exitCode = await runCommandLine(args, { env, stdout: keep("stdout"), stderr: keep("stderr") });
    return { exitCode, ...text };
  } finally {
    process.chdir(before);
  }
}

/** The real command as a process of its own, until it has ended. */
export function run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return outcomeOf(start(args, options));
}

/** The same, still running; it is killed when the test is over. */
export function start(args: readonly string[], options: RunOptions = {}): ChildProcess {
  const child = spawn(options.bin ?? BIN, args, {
    cwd: options.cwd ?? tmpdir(),
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child;
}

export function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (part: string) => {
      text[name] += part;
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, ...text }));
  });
}

/** Resolves with the first match in what the process prints. */
export function printed(
  child: ChildProcess,
  pattern: RegExp,
  on: "stdout" | "stderr" = "stdout",
): Promise<RegExpExecArray> {
  let text = "";
  return new Promise((resolve, reject) => {
    child[on]?.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      const match = pattern.exec(text);
      if (match) resolve(match);
    });
    child.on("close", () => reject(new Error(`ended without printing ${pattern}: ${text}`)));
  });
}

/** An empty folder that goes away with the test. */
export async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "cachetorrent-cli-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}
