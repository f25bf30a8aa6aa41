import { LIMITS } from "@cachetorrent/protocol";

const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type EndingSignal = keyof typeof EXIT_CODES;

/** timeout(1), npm and others pass a signal on that reaches the whole process group anyway: what comes so soon is one wish. */
const ONE_WISH_MS = 500;

/**
 * Resolves with the exit code of the first of these signals; a later second one ends the process on the spot. To be
 * called before the daemon tells anybody that it is there: whoever reads that may send a signal at once.
 */
export function endingSignal(...signals: readonly EndingSignal[]): Promise<number> {
  let toldAt: number | undefined;
  return new Promise((resolve) => {
    for (const name of signals) {
      process.on(name, () => {
        const at = performance.now();
        if (toldAt !== undefined && at - toldAt >= ONE_WISH_MS) process.exit(EXIT_CODES[name]);
        toldAt ??= at;
        resolve(EXIT_CODES[name]);
      });
    }
  });
}

/**
 * Waits for the first of the reasons to end, each an exit code, then stops the daemon and resolves with the code.
 * A daemon that has not stopped after 5 s is left where it is: the process ends.
 */
export async function runDaemon(
  daemon: { stop(): Promise<void> },
  reasonsToEnd: readonly Promise<number>[],
): Promise<number> {
  const exitCode = await Promise.race(reasonsToEnd);
  const deadline = setTimeout(() => process.exit(exitCode), LIMITS.peer.shutdownMs);
  await daemon.stop();
  clearTimeout(deadline);
  return exitCode;
}
