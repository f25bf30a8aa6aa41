import { encodeBencode, unwrap } from "@cachetorrent/protocol";
import { extensionNamed } from "../../src/wire/extension.ts";
import {
  decodeMetadataMessage,
  encodeMetadataMessage,
  type MetadataMessage,
} from "../../src/wire/metadata-message.ts";
import type { RawPeer } from "./raw-peer.ts";
import { until } from "./until.ts";

/** `ut_metadata` on a raw peer whose hands are not shaken yet; whatever comes is kept. */
export class RawMetadata {
  readonly messages: MetadataMessage[] = [];
  readonly #raw: RawPeer;

  /** `size`: of how many bytes it says its info dictionary is. */
  constructor(raw: RawPeer, size?: number) {
    this.#raw = raw;
    raw.wire.use(extensionNamed("ut_metadata"));
    if (size !== undefined)
      raw.wire.extendedHandshake = { ...raw.wire.extendedHandshake, metadata_size: size };
    raw.wire.on("extended", (name, body) => {
      const message = name === "ut_metadata" ? unwrap(decodeMetadataMessage(body as Uint8Array)) : undefined;
      if (message) this.messages.push(message);
    });
  }

  send(message: MetadataMessage | Uint8Array): void {
    const bytes = message instanceof Uint8Array ? message : encodeMetadataMessage(message);
    this.#raw.wire.extended("ut_metadata", bytes);
  }

  /** A message of a type that there is none of. */
  sendUnknown(): void {
    this.send(encodeBencode({ msg_type: 7, piece: 0 }));
  }

  of<M extends MetadataMessage["m"]>(m: M): Extract<MetadataMessage, { m: M }>[] {
    return this.messages.filter((one): one is Extract<MetadataMessage, { m: M }> => one.m === m);
  }

  async received(m: MetadataMessage["m"], times: number): Promise<void> {
    await until(`${times} x ${m} came`, () => this.of(m).length >= times);
  }
}
