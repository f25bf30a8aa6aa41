import { createDiffieHellman, type DiffieHellman, randomBytes } from "node:crypto";

/** The prime of MSE, 768 bits; its generator is 2. */
const PRIME =
  "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74" +
  "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437" +
  "4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563";
export const PUBLIC_KEY_BYTES = 96;
/** MSE: 128 bits are enough, and more than 180 serve nothing but the heating. */
const PRIVATE_KEY_BYTES = 20;

/** One for all: making it takes 17 ms, for OpenSSL checks the prime, and a key 0.1 ms. */
let group: DiffieHellman | undefined;

/** Our half of one Diffie-Hellman key exchange. */
export class KeyExchange {
  readonly #privateKey = randomBytes(PRIVATE_KEY_BYTES);
  readonly publicKey: Uint8Array;

  constructor() {
    const key = this.#group().generateKeys();
    // Numbers with leading zeros come short.
    this.publicKey = Buffer.concat([Buffer.alloc(PUBLIC_KEY_BYTES - key.length), key]);
  }

  /** The secret, 96 bytes; undefined for a key with which anybody would know it: 0, 1, and -1 modulo the prime. */
  secretWith(theirPublicKey: Uint8Array): Uint8Array | undefined {
    try {
      return this.#group().computeSecret(theirPublicKey);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_CRYPTO_INVALID_KEYLEN") return undefined;
      throw error;
    }
  }

  #group(): DiffieHellman {
    group ??= createDiffieHellman(PRIME, "hex", 2);
    group.setPrivateKey(this.#privateKey);
    return group;
  }
}
