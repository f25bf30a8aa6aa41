import { quoted } from "./scenario-file.ts";

/** What `testbed run` was told, beside the scenario. */
export interface RunFlags {
  readonly out?: string;
  readonly resume?: true;
  readonly only?: readonly string[];
  readonly repetitions?: number;
  readonly workers?: number;
  readonly atOnce?: number;
  readonly on: "loopback" | "compose";
}

/** Which images the containers are of. */
const IMAGES = ["CACHETORRENT_IMAGE", "CACHETORRENT_STOCK_IMAGE"];

/** The command line that makes a run again: everything that its figures depend on, and not whether it went on with an earlier one. */
export function testbedCommandLine(
  name: string,
  { atOnce, on, only, out, repetitions, workers }: RunFlags,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const images = on === "compose" ? IMAGES.filter((image) => env[image] !== undefined) : [];
  return [
    ...images.map((image) => `${image}=${quoted(env[image] ?? "")}`),
    `cachetorrent testbed run ${quoted(name)}`,
    ...(on === "loopback" ? [] : [`--on ${on}`]),
    ...(only ? [`--only ${only.map(quoted).join(" ")}`] : []),
    ...(repetitions === undefined ? [] : [`--repetitions ${repetitions}`]),
    ...(atOnce === undefined ? [] : [`--at-once ${atOnce}`]),
    ...(workers === undefined ? [] : [`--workers ${workers}`]),
    ...(out === undefined ? [] : [`--out ${quoted(out)}`]),
  ].join(" ");
}
