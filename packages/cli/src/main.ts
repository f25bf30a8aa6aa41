import { runCommandLine } from "./program.ts";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever read us went away, as `head` does, or a terminal was closed: no reason to stop sharing.
    if (!["EPIPE", "ECONNRESET", "EIO", "ERR_STREAM_DESTROYED"].includes(error.code ?? "")) throw error;
  });
}

// Whatever ends without having said how: nobody may take that for success. It is what Node.js says of a promise that never settles.
process.exitCode = 13;
void runCommandLine(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  // Sockets of peers that went silent must not keep a finished command alive.
}).then((exitCode) => process.exit(exitCode));
