import { readFile } from "node:fs/promises";
import { type Address, type Asn, CtError } from "@cachetorrent/protocol";
import { type AsnResponse, Reader } from "maxmind";
import type { AsResolver } from "./as-resolver.ts";
import { RouteCsv } from "./route-csv.ts";

/** Stands before the metadata of a MaxMind database, within its last 128 KiB. */
const MMDB_MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");

/**
 * Loads a database of who announces which addresses: a CSV of `@ip-location-db/asn`, or a MaxMind ASN `.mmdb`, told apart
 * by what is in the file.
 * @throws CtError CT_ERR_AS_TABLE, naming the file.
 */
export async function loadRouteDatabase(file: string): Promise<AsResolver> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new CtError("CT_ERR_AS_TABLE", `route-db: cannot read ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
  const isMmdb = bytes.subarray(-128 * 1024).includes(MMDB_MARKER);
  return isMmdb ? new MaxMindAsns(bytes, file) : new RouteCsv(bytes.toString("latin1"), file);
}

class MaxMindAsns implements AsResolver {
  readonly #reader: Reader<AsnResponse>;

  constructor(bytes: Buffer, file: string) {
    try {
      this.#reader = new Reader<AsnResponse>(bytes);
    } catch (cause) {
      throw new CtError(
        "CT_ERR_AS_TABLE",
        `${file}: not a readable MaxMind database: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
    const { databaseType } = this.#reader.metadata;
    // A database of cities opens as well, and would leave every address unknown without a word.
    if (!/asn|isp/i.test(databaseType)) {
      throw new CtError("CT_ERR_AS_TABLE", `${file}: a database of type ${databaseType} holds no AS numbers`);
    }
  }

  resolve(address: Address): Asn | undefined {
    const asn = this.#reader.get(address)?.autonomous_system_number;
    return asn === undefined || asn === 0 ? undefined : (asn as Asn);
  }
}
