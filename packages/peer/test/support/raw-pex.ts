import { unwrap } from "@cachetorrent/protocol";
import { extensionNamed } from "../../src/wire/extension.ts";
import { decodePex, encodePex, type PexMessage } from "../../src/wire/pex-message.ts";
import type { RawPeer } from "./raw-peer.ts";

/** `ut_pex` on a raw peer whose hands are not shaken yet; whatever comes is kept. */
export class RawPex {
  readonly messages: PexMessage[] = [];
  readonly #raw: RawPeer;

  constructor(raw: RawPeer) {
    this.#raw = raw;
    raw.wire.use(extensionNamed("ut_pex"));
    raw.wire.on("extended", (name, body) => {
      if (name === "ut_pex") this.messages.push(unwrap(decodePex(body as Uint8Array)));
    });
  }

  send(message: PexMessage | Uint8Array): void {
    this.#raw.wire.extended("ut_pex", message instanceof Uint8Array ? message : encodePex(message));
  }
}
