import { parentPort, workerData } from "node:worker_threads";
import type { FromWorker, ToWorker, WorkerInput } from "./messages.ts";
import { PeerHost } from "./peer-host.ts";

// The thread of a loopback run: see `cell-run.ts`, which starts it and ends it.
if (parentPort) {
  const port = parentPort;
  const tell = (message: FromWorker): void => port.postMessage(message);
  const host = new PeerHost(workerData as WorkerInput, tell);
  port.on("message", (message: ToWorker) => {
    host
      .receive(message)
      .catch((error: Error) => tell({ type: "failed", why: error.stack ?? error.message }));
  });
  tell({ type: "ready" });
}
