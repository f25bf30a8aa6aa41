import { runCommandLine } from "./program.ts";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever read us went away, as `head` does: no reason to stop sharing.
    if (error.code !== "EPIPE") throw error;
  });
}

const exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
});
// Sockets of peers that went silent must not keep a finished command alive.
process.exit(exitCode);
