/** What a command finds around it; main.ts fills it from the process. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** The exit code, once the command knows it. */
  finish(exitCode: number): void;
}
