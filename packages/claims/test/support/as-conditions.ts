export interface AsConditions {
  readonly seed: number;
  readonly members: number;
  readonly outsidePeers: number;
  readonly pieces: number;
  /** Of the messages between members and head, this part is lost; of the others each takes its own time, so that they overtake. */
  readonly loss: number;
  readonly delayMs: number;
  /** Outside peers choke now and then, fall silent, and send bad data. */
  readonly unreliableOutside: boolean;
  /** Members that leave, some with a word and some without. */
  readonly leavers: number;
  /** Members that claim and never fetch, and say that they hold what they do not. */
  readonly liars: number;
  /** Connections between members and their head that break, and are made again. */
  readonly breaks: number;
  /** When the head dies; unset: it does not. */
  readonly headDiesAt?: number;
  /** From when to when some members follow another head, which believes to be it, as the old one does; unset: never. */
  readonly twoHeads?: readonly [number, number];
}

export const PIECE_LENGTH = 64 * 1024;
