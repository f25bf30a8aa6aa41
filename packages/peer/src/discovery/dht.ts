import { type Address, type Endpoint, isIPv6 } from "@cachetorrent/protocol";
import { DhtNode, type DhtNodeParts } from "./dht-node.ts";
import { type KrpcDialect, krpcIPv4 } from "./krpc-dialect.ts";
import { krpcIPv6 } from "./krpc-ipv6.ts";
import { krpcWant } from "./krpc-want.ts";

export type DhtParts = Omit<DhtNodeParts, "dialect" | "address">;

/** Our part in the DHT: a node of each family that we listen with, for they are two networks (BEP 5, BEP 32), which tell of nodes for each other. */
export class Dht {
  /** Of UDP. */
  readonly port: number;
  readonly #ipv4: DhtNode | undefined;
  readonly #ipv6: DhtNode | undefined;

  constructor(parts: DhtParts) {
    const { address, port } = parts.listening;
    const node = (dialect: KrpcDialect, at: Address) => new DhtNode({ ...parts, dialect, address: at });
    this.port = port;
    const over4 = krpcWant(krpcIPv4, () => this.#ipv6);
    if (address === "::") this.#ipv4 = node(over4, "0.0.0.0" as Address);
    else if (!isIPv6(address)) this.#ipv4 = node(over4, address);
    if (isIPv6(address))
      this.#ipv6 = node(
        krpcWant(krpcIPv6(), () => this.#ipv4),
        address,
      );
  }

  /** Resolves when it listens. Rejects with CT_ERR_PORT_TAKEN where it cannot. */
  async start(): Promise<void> {
    await Promise.all([this.#ipv4?.start(), this.#ipv6?.start()]);
  }

  /** A peer says that it has a node there (BEP 5, `port`). */
  hearOfNode(node: Endpoint): void {
    if (node.port > 0) (isIPv6(node.address) ? this.#ipv6 : this.#ipv4)?.hearOf(node);
  }

  /** Idempotent. */
  stop(): void {
    this.#ipv4?.stop();
    this.#ipv6?.stop();
  }
}
