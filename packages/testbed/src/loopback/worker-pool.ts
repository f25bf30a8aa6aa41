import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { CtError } from "@cachetorrent/protocol";
import type { FromWorker, ToWorker, WorkerInput } from "./messages.ts";

/** MiB of JavaScript heap a worker may have: some hundred peers and what comes with them. */
const HEAP_MIB = 8192;
/** Objects of a message live for a moment: a larger nursery saves most of the collector's work. */
const NURSERY_MIB = 192;

/** The threads of one run. What any of them tells goes to one place; when one breaks down, that is told too. */
export class WorkerPool {
  readonly #workers: readonly Worker[];

  constructor(inputs: readonly WorkerInput[], on: PoolListener) {
    // The command line is started with a nursery that is small, as suits a daemon; that flag would outdo the limit below.
    setFlagsFromString("--max-semi-space-size=0");
    this.#workers = inputs.map((workerData, i) => {
      const worker = new Worker(new URL("./peer-worker.ts", import.meta.url), {
        workerData,
        name: `peers ${i + 1}`,
        resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB, maxYoungGenerationSizeMb: NURSERY_MIB },
      });
      worker.on("message", (message: FromWorker) => on.told(message, i));
      worker.on("error", (cause) => {
        const why = cause instanceof Error ? cause.message : String(cause);
        on.broke(new CtError("CT_ERR_TESTBED", `worker ${i + 1} broke down: ${why}`, { cause }));
      });
      worker.on("exit", (code) =>
        on.broke(new CtError("CT_ERR_TESTBED", `worker ${i + 1} ended with code ${code}`)),
      );
      return worker;
    });
  }

  tell(message: ToWorker): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }

  /** Ends all threads, and with them every socket. Idempotent. */
  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

export interface PoolListener {
  told(message: FromWorker, worker: number): void;
  /** A worker ended by itself. Also called as `end` ends them: by then nobody should care. */
  broke(error: CtError): void;
}
