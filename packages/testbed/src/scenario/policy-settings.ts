import type { PolicyName } from "@cachetorrent/protocol";
import type { PolicyEntry } from "./schema.ts";

type Setting = Exclude<keyof PolicyEntry, "label" | "name">;

const LED: readonly Setting[] = ["leader-percent", "hand-out", "external-percent"];

/** What each policy looks at. Those with a `hand-out` look at `external-percent` only where that is `biased`. */
const SETTINGS: Readonly<Record<PolicyName, readonly Setting[]>> = {
  bittorrent: [],
  biased: ["external-percent"],
  cache: LED,
  multi: ["ranges", ...LED],
  coordinated: ["leader-percent", "fetchers", "relief"],
};

/**
 * The first setting that has no effect under its policy, and what has: the report would call the run by a number that nothing went
 * by. Undefined where there is none.
 */
export function settingInVain(
  entry: PolicyEntry,
): { readonly setting: Setting; readonly why: string } | undefined {
  const { label: _, name, ...settings } = entry;
  const heeded = SETTINGS[name];
  const setting = (Object.keys(settings) as Setting[]).find((one) => !heeded.includes(one));
  if (setting !== undefined) {
    const others = heeded.length > 0 ? heeded.join(", ") : "no setting";
    return { setting, why: `${name} does not look at it: it has ${others}` };
  }
  if (name !== "biased" && entry["external-percent"] !== undefined && entry["hand-out"] !== "biased")
    return { setting: "external-percent", why: `${name} looks at it only with hand-out: biased` };
  return undefined;
}
