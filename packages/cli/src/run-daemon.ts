import { LIMITS } from "@cachetorrent/protocol";

const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type EndingSignal = keyof typeof EXIT_CODES;

/**
 * Waits until the daemon's work has ended or a signal asks it to stop, stops it, and resolves with the exit code.
 * A daemon that has not stopped after 5 s, or is told a second time, is left where it is: the process ends.
 */
export async function runDaemon(
  daemon: { stop(): Promise<void> },
  ended: Promise<number>,
  options: { readonly signals: readonly EndingSignal[]; beforeExit?(): void },
): Promise<number> {
  const { promise: signalled, resolve: signal } = Promise.withResolvers<number>();
  let told = false;
  const leave = (exitCode: number): never => {
    options.beforeExit?.();
    process.exit(exitCode);
  };
  for (const name of options.signals) {
    process.on(name, () => {
      if (told) leave(EXIT_CODES[name]);
      told = true;
      signal(EXIT_CODES[name]);
    });
  }
  const exitCode = await Promise.race([ended, signalled]);
  told = true;
  const deadline = setTimeout(() => leave(exitCode), LIMITS.peer.shutdownMs);
  await daemon.stop();
  clearTimeout(deadline);
  return exitCode;
}
