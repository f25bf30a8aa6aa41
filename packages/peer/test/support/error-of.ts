import { CtError } from "@cachetorrent/protocol";

/** What the promise rejects with, which must be an error of ours. */
export async function errorOf(promise: Promise<unknown>): Promise<CtError> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof CtError)) throw new Error(`expected a CtError, not ${error}`);
  return error;
}
