import { readFileSync } from "node:fs";

/**
 * Whether this process is in the foreground of its terminal, and so may draw on it: jobs that were started with
 * `&` share the terminal with the shell, and with each other. A job may change sides at any time: ask again.
 */
export function inForeground(): boolean {
  let stat: string;
  try {
    stat = readFileSync("/proc/self/stat", "latin1");
  } catch {
    // Not Linux: there is no way to know without native code, and a single peer at a terminal is the usual case.
    return true;
  }
  return statTellsForeground(stat);
}

/** Of a line of /proc/PID/stat (proc_pid_stat(5)): is `pgrp` the terminal's foreground group, `tpgid`? */
export function statTellsForeground(stat: string): boolean {
  // The second field, the program's name in parentheses, may itself have spaces and parentheses.
  const [, , pgrp, , , tpgid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return pgrp === tpgid;
}
