import { asPrefix } from "./addresses.ts";
import type { ComposePlan } from "./compose-plan.ts";

/** The tracker's table of prefixes: a peer's AS is what it says of the peer's address. */
export function asTable({ ases }: Pick<ComposePlan, "ases">): string {
  const lines = ases.map(
    ({ asn, name, place }) => `${asPrefix(place)} ${asn} ${name.replaceAll(/[#\s]+/g, " ")}`,
  );
  return `# CIDR, AS number, name\n${lines.join("\n")}\n`;
}
