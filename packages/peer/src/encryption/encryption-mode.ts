/** How much a peer cares whether its connections are encrypted, from not at all to nothing else. */
export const ENCRYPTION_MODES = ["off", "allow", "prefer", "require"] as const;

export type EncryptionMode = (typeof ENCRYPTION_MODES)[number];

export const DEFAULT_ENCRYPTION: EncryptionMode = "allow";

/** What follows the encrypted handshake: bits of `crypto_provide`, one of which is `crypto_select`. */
export const METHOD = { plaintext: 1, rc4: 2 } as const;

/** `crypto_provide` of whoever dials. */
export function offeredBy(mode: EncryptionMode): number {
  return mode === "require" ? METHOD.rc4 : METHOD.plaintext | METHOD.rc4;
}

/** `crypto_select` of whoever was dialled; undefined when nothing offered will do. */
export function chosenBy(mode: EncryptionMode, offered: number): number | undefined {
  const preferred = mode === "allow" ? [METHOD.plaintext, METHOD.rc4] : [METHOD.rc4, METHOD.plaintext];
  const acceptable = mode === "require" ? [METHOD.rc4] : preferred;
  return acceptable.find((method) => (offered & method) !== 0);
}
