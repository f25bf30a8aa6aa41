import { isMainThread, parentPort } from "node:worker_threads";
import type { FromWorker, ToWorker } from "../messages.ts";
import { PeerHost } from "./peer-host.ts";

// A worker of a loopback run, a process or a thread: see `start-worker.ts`.
let host: PeerHost | undefined;

function heard(message: ToWorker): void {
  if (message.type === "host") {
    host = new PeerHost(message.input, { tell, cpuMicros });
    tell({ type: "ready" });
    return;
  }
  host?.receive(message).catch((error: Error) => tell({ type: "failed", why: error.stack ?? error.message }));
}

function tell(message: FromWorker): void {
  if (isMainThread) process.send?.(message);
  else parentPort?.postMessage(message);
}

function cpuMicros(): number {
  if (!isMainThread) return 0;
  const { system, user } = process.cpuUsage();
  return system + user;
}

if (isMainThread) {
  process.on("message", heard);
  // A terminal's Ctrl-C, or its end, reaches the whole group; this one ends when it is told, or when there is nobody left to tell it.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  process.on("disconnect", () => process.exit());
} else {
  parentPort?.on("message", heard);
}
