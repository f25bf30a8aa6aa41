import { readFile } from "node:fs/promises";
import { CtError } from "@cachetorrent/protocol";
import { type Command, Option } from "commander";
import type { Static, TObject } from "typebox";
import { envName, flagName, keysOf, resolveConfig } from "./config-layers.ts";
import { configText } from "./config-text.ts";
import { choices, type KeySchema } from "./config-value.ts";

/** Gives a daemon's command one option for every key of its schema, and those that concern the configuration. */
export function addConfigOptions(command: Command, schema: TObject, envPrefix: string): void {
  for (const [key, keySchema] of Object.entries(keysOf(schema))) {
    // Tables have no handy spelling on a command line: they are for the file.
    if (keySchema.type !== "object") command.addOption(optionOf(key, keySchema));
  }
  command
    .option(
      "--config <FILE>",
      `YAML file with the same names as keys, such as "listen: ${keysOf(schema).listen?.default}"`,
    )
    .option("--print-config", "print the configuration that results, as YAML, and exit")
    .addHelpText(
      "after",
      `
A flag wins over the environment (${envName(envPrefix, "listen")}=HOST:PORT for --listen, and so on; lists are
separated by commas), that over the file of --config, that over the defaults.`,
    );
}

/** The file of `--config`, if there is one. */
export function configPath(
  command: Command,
  { env, envPrefix }: Pick<Surroundings, "env" | "envPrefix">,
): string | undefined {
  return command.opts<{ config?: string }>().config ?? env[envName(envPrefix, "config")];
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly envPrefix: string;
  print(text: string): void;
}

/**
 * The configuration that flags, environment and file make together; undefined after it was printed because
 * of `--print-config`, when nothing else is to be done.
 */
export async function readConfig<S extends TObject>(
  command: Command,
  schema: S,
  surroundings: Surroundings,
): Promise<Static<S> | undefined> {
  const { env, envPrefix } = surroundings;
  const options = command.opts<{ printConfig?: true }>();
  const path = configPath(command, surroundings);
  const config = resolveConfig(schema, {
    flags: givenFlags(command, schema),
    env,
    envPrefix,
    ...(path === undefined ? {} : { file: { path, text: await readConfigFile(path) } }),
  });
  if (!options.printConfig) return config;
  surroundings.print(configText(schema, config as Record<string, unknown>));
  return undefined;
}

function optionOf(key: string, schema: KeySchema): Option {
  const { description = "" } = schema;
  const words = [description];
  const allowed = choices(schema);
  if (allowed) words.push(`(${allowed.join(", ")})`);
  const value = schema.default;
  if (value !== undefined && value !== false && JSON.stringify(value) !== "[]")
    words.push(`(default: ${value})`);
  if (schema.type === "boolean") return new Option(flagName(key), words.join(" "));
  const item = schema.items?.placeholder;
  const option = new Option(`${flagName(key)} <${schema.placeholder ?? item ?? "VALUE"}>`, words.join(" "));
  if (schema.type === "array") {
    option.description += " (repeatable)";
    option.argParser((text, before: string[] | undefined) => [...(before ?? []), text]);
  }
  return option;
}

/** What the command line says about the schema's keys, by key. */
function givenFlags(command: Command, schema: TObject): Record<string, unknown> {
  const flags: Record<string, unknown> = {};
  for (const option of command.options) {
    const key = option.long?.slice(2) ?? "";
    const attribute = option.attributeName();
    if (!(key in keysOf(schema)) || command.getOptionValueSource(attribute) !== "cli") continue;
    // Commander stores `--no-x` as x = false, while our key is named after the flag.
    flags[key] = option.negate ? true : command.getOptionValue(attribute);
  }
  return flags;
}

async function readConfigFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new CtError("CT_ERR_CONFIG", `--config ${path}: ${(cause as Error).message}`, { cause });
  }
}
