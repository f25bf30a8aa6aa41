import { readFile } from "node:fs/promises";
import { type Address, type Asn, CtError } from "@cachetorrent/protocol";
import { type AsnResponse, Reader } from "maxmind";
import type { AsResolver } from "./as-resolver.ts";
import { RouteCsv } from "./route-csv.ts";

/** Who announces which addresses, as one file tells it. */
export interface RouteDatabase extends AsResolver {
  /** How many blocks of addresses it has. */
  readonly size: number;
}

/** Stands before the metadata of a MaxMind database, within its last 128 KiB. */
const MMDB_MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");

/**
 * Loads a database of who announces which addresses: a CSV of `@ip-location-db/asn`, or a MaxMind ASN `.mmdb`, told apart
 * by what is in the file.
 * @throws CtError CT_ERR_AS_TABLE, naming the file.
 */
export async function loadRouteDatabase(file: string): Promise<RouteDatabase> {
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

class MaxMindAsns implements RouteDatabase {
  readonly size: number;
  readonly #reader: Reader<AsnResponse>;

  constructor(bytes: Buffer, file: string) {
    try {
      this.#reader = new Reader<AsnResponse>(bytes);
      this.size = routeCount(bytes, this.#reader.metadata);
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

/**
 * How many leaves of the search tree have data ("MaxMind DB File Format Specification", binary search tree section): a
 * node is two records, and a record above the number of nodes points into the data.
 */
function routeCount(bytes: Buffer, { nodeCount, recordSize }: Reader<AsnResponse>["metadata"]): number {
  let count = 0;
  for (let node = 0; node < nodeCount; node++) {
    const at = (node * recordSize) / 4;
    for (const record of recordsAt(bytes, at, recordSize)) if (record > nodeCount) count++;
  }
  return count;
}

function recordsAt(bytes: Buffer, at: number, recordSize: number): [left: number, right: number] {
  switch (recordSize) {
    case 24:
      return [bytes.readUIntBE(at, 3), bytes.readUIntBE(at + 3, 3)];
    case 28: {
      // The byte in the middle has the highest four bits of both.
      const high = bytes.readUInt8(at + 3);
      return [
        (high >>> 4) * 2 ** 24 + bytes.readUIntBE(at, 3),
        (high & 0x0f) * 2 ** 24 + bytes.readUIntBE(at + 4, 3),
      ];
    }
    default:
      return [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
  }
}
