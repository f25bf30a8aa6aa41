import { Picker } from "./picker.ts";

/**
 * The picker of a leader: rarest first, and among equally rare pieces those that followers asked for. With nothing
 * asked for it is the plain picker, so that a peer keeps one whatever its role.
 */
export class CachePicker extends Picker {
  /** How many followers ask for a piece. */
  readonly #asked = new Map<number, number>();

  /** One more follower asks for the piece. */
  gotRequest(piece: number): void {
    this.#asked.set(piece, (this.#asked.get(piece) ?? 0) + 1);
  }

  /** One follower less does. */
  requestEnded(piece: number): void {
    const left = (this.#asked.get(piece) ?? 0) - 1;
    if (left > 0) this.#asked.set(piece, left);
    else this.#asked.delete(piece);
  }

  /** Is the piece out, because it is stored or being fetched? */
  isBanned(piece: number): boolean {
    return !this.isOpen(piece);
  }

  protected override selectBucket(
    bucket: Uint32Array,
    availability: number,
    accepts: (piece: number) => boolean,
  ): number | undefined {
    let best: number | undefined;
    let most = 0;
    for (const [piece, followers] of this.#asked) {
      const isInBucket = !this.isBanned(piece) && this.availability(piece) === availability;
      if (followers <= most || !isInBucket || !accepts(piece)) continue;
      best = piece;
      most = followers;
    }
    return best ?? super.selectBucket(bucket, availability, accepts);
  }
}
