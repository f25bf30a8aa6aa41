import { fork } from "node:child_process";
import { setFlagsFromString } from "node:v8";
import { Worker as Thread } from "node:worker_threads";
import type { FromWorker, ToWorker } from "./messages.ts";

/** Hosts some of a run's peers. */
export interface Worker {
  tell(message: ToWorker): void;
  /** Ends it, and with it every socket. Idempotent. */
  end(): Promise<void>;
}

export interface WorkerListener {
  told(message: FromWorker): void;
  /** It ended, also when it was to. `why` goes on with "worker N". */
  broke(why: string, cause?: unknown): void;
}

const WORKER = new URL("./worker/main.ts", import.meta.url);

/** MiB of JavaScript heap a worker may have: some hundred peers and what comes with them. */
const HEAP_MIB = 8192;
/** MiB. Objects of a message live for a moment: a larger nursery saves most of the collector's work. */
const NURSERY_MIB = 192;
/** Of which Node's flag names one: a nursery is three of them. */
const SEMI_SPACE_MIB = NURSERY_MIB / 3;

/** Characters of a process's own complaint that are told when it ends. */
const LAST_WORDS_MOST = 2000;

/** A thread of this process, with which it can share memory. */
export function startThread(name: string, on: WorkerListener): Worker {
  // The command line is started with a nursery that is small, as suits a daemon; that flag would outdo the limit below.
  setFlagsFromString("--max-semi-space-size=0");
  const thread = new Thread(WORKER, {
    name,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB, maxYoungGenerationSizeMb: NURSERY_MIB },
  });
  thread.on("message", on.told);
  thread.on("error", (cause) => on.broke(`broke down: ${messageOf(cause)}`, cause));
  thread.on("exit", (code) => on.broke(`ended with code ${code}`));
  return {
    tell: (message) => thread.postMessage(message),
    end: async () => void (await thread.terminate()),
  };
}

/** A process of its own, which may have as many files open as this one. It ends with this one, however that ends. */
export function startProcess(_name: string, on: WorkerListener): Worker {
  const child = fork(WORKER, {
    serialization: "advanced",
    execArgv: [
      "--disable-warning=ExperimentalWarning",
      `--max-old-space-size=${HEAP_MIB}`,
      `--max-semi-space-size=${SEMI_SPACE_MIB}`,
    ],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let lastWords = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS_MOST);
  });
  child.on("message", on.told);
  child.on("error", (cause) => on.broke(`broke down: ${messageOf(cause)}`, cause));
  const gone = Promise.withResolvers<void>();
  child.on("close", (code, signal) => {
    gone.resolve();
    on.broke(
      `${signal ? `was ended by ${signal}` : `ended with code ${code}`}${lastWords && `: ${lastWords.trim()}`}`,
    );
  });
  return {
    // Whoever is gone has been told of as broken.
    tell: (message) => void (child.connected && child.send(message)),
    end: async () => {
      if (child.pid === undefined) return;
      child.kill("SIGKILL");
      await gone.promise;
    },
  };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
