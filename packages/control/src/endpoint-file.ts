import { join } from "node:path";

/** Where a daemon with this state folder writes down where it takes orders. */
export function endpointPath(stateDir: string): string {
  return join(stateDir, "control.endpoint");
}
