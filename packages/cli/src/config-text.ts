import type { TObject } from "typebox";
import { keysOf } from "./config-layers.ts";
import { showValue } from "./config-value.ts";
import { yaml } from "./yaml.ts";

/** The configuration as YAML that `--config` reads to the same; what nobody set and has no default is a comment. */
export function configText(schema: TObject, config: Readonly<Record<string, unknown>>): string {
  return Object.entries(keysOf(schema))
    .map(([key, keySchema]) =>
      config[key] === undefined
        ? `# ${key}: not set\n`
        : yaml().stringify({ [key]: showValue(keySchema, config[key]) }),
    )
    .join("");
}
