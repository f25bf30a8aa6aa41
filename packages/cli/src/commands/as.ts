import { CtError, parseAddress } from "@cachetorrent/protocol";
import { loadAsKnowledge } from "@cachetorrent/tracker";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { table } from "../table.ts";

interface AsFlags {
  readonly asPrefix: readonly string[];
  readonly asTable?: string;
  readonly routeDb: readonly string[];
}

const again = (value: string, before: readonly string[]): string[] => [...before, value];

export function define(command: Command, context: Context): void {
  command
    .description(
      "Show the AS of addresses, as a tracker with the same tables tells it. Exit code 0: all are known, 1: not.",
    )
    .usage("ADDRESS... [options]")
    .argument("<ADDRESS...>", "IPv4 or IPv6 addresses")
    .option("--as-prefix <CIDR=ASN>", "the AS of a block of addresses (repeatable)", again, [])
    .option("--as-table <FILE>", "file of lines `CIDR ASN name`, `#` begins a comment")
    .option(
      "--route-db <FILE>",
      "route database: CSV of @ip-location-db/asn, or a MaxMind ASN .mmdb (repeatable)",
      again,
      [],
    )
    .addHelpText("after", EXAMPLES)
    .action(async (addresses: string[]) =>
      context.finish(await show(addresses, command.opts<AsFlags>(), context)),
    );
}

async function show(texts: readonly string[], flags: AsFlags, context: Context): Promise<number> {
  const { asPrefix, asTable, routeDb } = flags;
  if (asPrefix.length === 0 && asTable === undefined && routeDb.length === 0)
    throw new CtError(
      "CT_ERR_USAGE",
      "as: say where it is known from: --as-prefix, --as-table or --route-db",
    );
  const addresses = texts.map((text) => {
    const address = parseAddress(text);
    if (address === undefined) throw new CtError("CT_ERR_USAGE", `as: ${text} is no IP address`);
    return address;
  });
  const known = await loadAsKnowledge({
    "as-prefix": [...asPrefix],
    ...(asTable === undefined ? {} : { "as-table": asTable }),
    "route-db": [...routeDb],
  });
  const asns = addresses.map((address) => known.resolve(address));
  context.stdout.write(
    table(asns.map((asn, i) => [addresses[i] ?? "", asn === undefined ? "unknown" : `AS${asn}`])),
  );
  return asns.includes(undefined) ? EXIT.failed : EXIT.done;
}

const EXAMPLES = `
Examples:
  One's own sites, as the tracker knows them:
    cachetorrent as 198.18.1.7 198.18.2.9 --as-table sites.txt

  The Internet's:
    cachetorrent as 1.1.1.1 --route-db asn-ipv4.csv`;
