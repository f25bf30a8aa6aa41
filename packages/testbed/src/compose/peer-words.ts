import type { ClaimAccounts } from "@cachetorrent/peer";

/** What a peer's streams tell of it, beside its ledger. */
export interface PeerWords {
  /** Those of its last status. */
  readonly claims: ClaimAccounts | undefined;
  readonly escapes: readonly { readonly at: number; readonly why: string }[];
  /** Log lines, of warnings and worse, as they were written. */
  readonly warnings: readonly string[];
}

const PINO_WARN = 40;

/** Of `cachetorrent peer --json`: events on stdout, log lines in JSON on stderr. What is neither is passed over on stdout, and a warning on stderr. */
export function peerWords({
  stderr,
  stdout,
}: {
  readonly stdout: string;
  readonly stderr: string;
}): PeerWords {
  const statuses = stdout.split("\n").flatMap((line) => (line.includes('"torrents"') ? jsonOf(line) : []));
  const last = statuses.at(-1) as { torrents?: readonly { claims?: ClaimAccounts }[] } | undefined;
  const escapes: { at: number; why: string }[] = [];
  const warnings: string[] = [];
  for (const line of stderr.split("\n").filter((one) => one.trim() !== "")) {
    const [entry] = jsonOf(line) as { event?: string; level?: number; msg?: string; time?: string }[];
    if (entry?.event === "escape") escapes.push({ at: Date.parse(entry.time ?? ""), why: entry.msg ?? "" });
    if (!entry || (entry.level ?? PINO_WARN) >= PINO_WARN) warnings.push(line.trim());
  }
  return { claims: last?.torrents?.[0]?.claims, escapes, warnings };
}

function jsonOf(line: string): [object] | [] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? [value] : [];
  } catch {
    return []; // a line that somebody else wrote
  }
}
