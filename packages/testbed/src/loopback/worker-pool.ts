import { CtError } from "@cachetorrent/protocol";
import type { FromWorker, ToWorker, WorkerInput } from "./messages.ts";
import { startProcess, startThread, type Worker } from "./start-worker.ts";

/**
 * The workers of one run. What any of them tells goes to one place; when one breaks down, that is told too. They are processes
 * unless they share memory: each process may have as many files open as this one.
 */
export class WorkerPool {
  readonly #workers: readonly Worker[];

  constructor(inputs: readonly WorkerInput[], on: PoolListener) {
    const start = inputs.some(({ links }) => links.memory) ? startThread : startProcess;
    this.#workers = inputs.map((input, i) => {
      const worker = start(`peers ${i + 1}`, {
        told: (message) => on.told(message, i),
        broke: (why, cause) =>
          on.broke(new CtError("CT_ERR_TESTBED", `worker ${i + 1} ${why}`, { cause }), i),
      });
      worker.tell({ type: "host", input });
      return worker;
    });
  }

  tell(message: ToWorker): void {
    for (const worker of this.#workers) worker.tell(message);
  }

  /** Ends all workers, and with them every socket. Idempotent. */
  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }
}

/** `worker`: its place among the inputs. */
export interface PoolListener {
  told(message: FromWorker, worker: number): void;
  /** A worker ended by itself. Also called as `end` ends them: by then nobody should care. */
  broke(error: CtError, worker: number): void;
}
