import { Document, isMap, isScalar, isSeq, visit } from "yaml";
import type { ComposeDocument } from "./compose-document.ts";

/** Lists that are read in one line. */
const IN_A_LINE = new Set(["command", "cap_add", "cap_drop", "test", "ports"]);

/** The text of a compose file. `head` says what made it and what for. */
export function composeText(document: ComposeDocument, head: readonly string[]): string {
  // docker-compose reads YAML 1.1, to which an unquoted 10:10 is the number 610.
  const yaml = new Document(document, { aliasDuplicateObjects: false, schema: "yaml-1.1" });
  yaml.commentBefore = head
    .flatMap((line) => line.split(/\r?\n/))
    .map((line) => ` ${line}`)
    .join("\n");
  visit(yaml, {
    Pair(_, { key, value }) {
      if (isScalar(key) && IN_A_LINE.has(String(key.value)) && isSeq(value)) value.flow = true;
    },
  });
  const services = yaml.get("services");
  if (isMap(services)) for (const { key } of services.items) if (isScalar(key)) key.spaceBefore = true;
  return yaml.toString({ lineWidth: 0, flowCollectionPadding: false });
}
