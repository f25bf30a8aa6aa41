import { parseArgs } from "node:util";
import { POLICY_NAMES, type PolicyName } from "@cachetorrent/protocol";

export interface FuzzOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly outDir: string;
  readonly policy: PolicyName;
}

export const HELP = `Usage: npm run fuzz -- [options]

Real daemons (a tracker, a seed, a leecher) are fed hostile input over loopback sockets: frames, handshakes plain
and encrypted, announces, and a tracker's answers over HTTP and UDP, made from a seed. Fails when one of them dies, prints an uncaught exception,
stops answering or grows, or when an honest peer cannot download afterwards.

Options:
  --minutes N     how long (default: 1; a part such as 0.5 is possible)
  --seed N        of the random inputs, 0 to 4294967295 (default: a random one, which is printed)
  --policy NAME   of the tracker: ${POLICY_NAMES.join(", ")} (default: cache)
  --out DIR       for logs, and for the last inputs when something fails (default: out/fuzz)
  -h, --help      show this

Exit codes: 0 all is well, 1 something failed, 2 wrong usage, 129, 130 and 143 ended by SIGHUP, SIGINT and SIGTERM.
`;

const FLAGS = {
  minutes: { type: "string", default: "1" },
  seed: { type: "string" },
  policy: { type: "string", default: "cache" },
  out: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** The options, `help`, or what is wrong with them. */
export function readOptions(
  args: readonly string[],
  defaults: { readonly seed: number; readonly outDir: string },
): FuzzOptions | "help" | { readonly wrong: string } {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return { wrong: (error as Error).message };
  }
  if (values.help) return "help";
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 10_080)) {
    return { wrong: `--minutes ${values.minutes}: must be a number above 0 and up to 10080, a week` };
  }
  const seed = values.seed === undefined ? defaults.seed : Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff || values.seed?.trim() === "") {
    return { wrong: `--seed ${values.seed}: must be a whole number from 0 to 4294967295` };
  }
  const policy = POLICY_NAMES.find((name) => name === values.policy);
  if (!policy) return { wrong: `--policy ${values.policy}: must be one of ${POLICY_NAMES.join(", ")}` };
  if (values.out === "") return { wrong: "--out: must be the name of a folder" };
  return { minutes, seed, policy, outDir: values.out ?? defaults.outDir };
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: FLAGS, allowPositionals: false }).values;
}
