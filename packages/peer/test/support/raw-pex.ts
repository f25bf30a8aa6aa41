import { unwrap } from "@cachetorrent/protocol";
import { extensionNamed, theirIdOf } from "../../src/wire/extension.ts";
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

  /** Under which the other side takes its messages; undefined where it does not offer to. */
  get id(): number | undefined {
    return theirIdOf(this.#raw.wire, "ut_pex");
  }

  /** Under an id that was not offered on this connection. */
  sendUnasked(id: number, message: PexMessage): void {
    const body = Buffer.concat([Buffer.of(20, id), encodePex(message)]);
    this.#raw.socket.write(Buffer.concat([Buffer.of(0, 0, body.length >> 8, body.length & 255), body]));
  }

  send(message: PexMessage | Uint8Array): void {
    this.#raw.wire.extended("ut_pex", message instanceof Uint8Array ? message : encodePex(message));
  }
}
