import type Wire from "bittorrent-protocol";

/** What a wire is told to `use` so that it announces the extension (BEP 10); what comes is the wire's `extended` event. */
export function extensionNamed(name: string): new () => object {
  class Extension {}
  // The wire looks for it on the prototype.
  Object.defineProperty(Extension.prototype, "name", { value: name });
  return Extension;
}

/** The id under which the other side receives the extension's messages; undefined where it does not speak it. */
export function theirIdOf({ peerExtendedMapping }: Wire, name: string): number | undefined {
  const id = Object.hasOwn(peerExtendedMapping, name) ? peerExtendedMapping[name] : undefined;
  return id !== undefined && id > 0 ? id : undefined;
}
