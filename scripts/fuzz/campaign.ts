import { type Clock, seededRandom } from "@cachetorrent/clock";
import type { Endpoint } from "@cachetorrent/protocol";
import { announceInput } from "./announces.ts";
import { answerInput } from "./answers.ts";
import { type Bench, endpointOf, PIECE_LENGTH, pieceCountOf, trackerEndpoint } from "./bench.ts";
import { deliver } from "./delivery.ts";
import { Dice } from "./dice.ts";
import { encryptedGreeting, encryptedInput } from "./encrypted-handshakes.ts";
import { frameInput, hostileFrames } from "./frames.ts";
import { anyPeerId, handshake, handshakeInput } from "./handshakes.ts";
import {
  type Greeting,
  type HostileServer,
  startHostilePeer,
  startHostileTracker,
  startHostileUdpTracker,
} from "./hostile-servers.ts";
import { type Input, LastInputs } from "./input.ts";
import { Pacer } from "./pacer.ts";
import { datagramsOf, soundAnswer, udpAnswerInput } from "./udp-answers.ts";
import type { World } from "./world.ts";

const AT_ONCE = 16;
/** Of all kinds together. A closed connection stays in the kernel's tables for two minutes. */
const CONNECTIONS_PER_SECOND = 150;
const INPUTS_KEPT = 200;

/** At 127.0.0.1. */
export interface HostilePorts {
  readonly http: number;
  readonly udp: number;
}

/** Makes inputs from one seed and sends them until it is told to stop. */
export class Campaign {
  readonly last = new LastInputs(INPUTS_KEPT);
  /** Inputs sent, by target and kind. */
  readonly counts = new Map<string, number>();
  readonly #clock: Clock;
  readonly #pacer: Pacer;
  /** The inputs of connections that we open: the same ones in the same order for the same seed. */
  readonly #dice: Dice;
  /** What depends on when we are asked. */
  readonly #askedDice: Dice;
  readonly #servers: HostileServer[] = [];
  #world: World | undefined;
  #unreachable = 0;

  constructor(clock: Clock, seed: number) {
    this.#clock = clock;
    this.#pacer = new Pacer(clock, CONNECTIONS_PER_SECOND);
    this.#dice = new Dice(seededRandom(seed));
    this.#askedDice = new Dice(seededRandom(seed ^ 0x5eed));
  }

  /** The hostile trackers and the hostile peer, which daemons come to by themselves; the former's ports. */
  async listen(): Promise<HostilePorts> {
    const tracker = await startHostileTracker(this.#clock, async (path) => {
      const world = this.#world;
      // Until the attack begins it is a tracker that has nothing to say.
      if (!world)
        return { bytes: Buffer.from("HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n"), lingerMs: 0 };
      await this.#pacer.turn();
      return this.#note(answerInput(this.#askedDice, world, path));
    });
    const udpTracker = await startHostileUdpTracker((request) => {
      const { action, transactionId } = request;
      const world = this.#world;
      if (!world) return [soundAnswer(action, transactionId)];
      return datagramsOf(this.#note(udpAnswerInput(this.#askedDice, world, action)), request);
    });
    const peer = await startHostilePeer(this.#clock, {
      greet: (isEncrypted) => this.#greeting(isEncrypted),
      peerId: () => anyPeerId(this.#askedDice),
      infoHashes: () => this.#world?.infoHashes ?? [],
    });
    this.#servers.push(peer, tracker, udpTracker);
    return { http: tracker.port, udp: udpTracker.port };
  }

  /** Attacks until `isOver`; resolves when the last connection is closed. */
  async run(bench: Bench, world: Pick<World, "peerIds">, isOver: () => boolean): Promise<void> {
    const attacked: World = {
      ...world,
      infoHash: bench.infoHash,
      infoHashes: bench.infoHashes,
      pieceCount: pieceCountOf(bench.content),
      pieceLength: PIECE_LENGTH,
      dialledPort: this.#servers[0]?.port ?? 1,
    };
    this.#world = attacked;
    const to: Record<string, Endpoint> = {
      seed: endpointOf(bench.seed),
      leecher: endpointOf(bench.leecher),
      tracker: trackerEndpoint(bench.tracker),
    };
    const worker = async (): Promise<void> => {
      while (!isOver()) {
        await this.#pacer.turn();
        const input = this.#note(this.#nextInput(attacked));
        const prologue = input.handshake ? handshake(bench.infoHash, anyPeerId(this.#dice)) : undefined;
        const outcome = await deliver(this.#clock, input, {
          to: to[input.target] as Endpoint,
          from: this.#anySource(),
          infoHash: bench.infoHash,
          ...(prologue ? { prologue } : {}),
        });
        if (outcome === "no connection") this.#unreachable++;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  /** Connections that could not be made at all. */
  get unreachable(): number {
    return this.#unreachable;
  }

  #nextInput(world: World): Input {
    const dice = this.#dice;
    const generate = dice.pick([
      frameInput,
      frameInput,
      handshakeInput,
      encryptedInput,
      announceInput,
      announceInput,
    ]);
    return generate(dice, world);
  }

  #greeting(isEncrypted: boolean): Greeting {
    const world = this.#world;
    if (!world) return { bytes: Buffer.alloc(0), lingerMs: 0 };
    const dice = this.#askedDice;
    const input: Input = isEncrypted
      ? encryptedGreeting(dice, world)
      : { target: "dialled", handshake: true, ...hostileFrames(dice, world), lingerMs: dice.length(3_000) };
    return this.#note(input);
  }

  /** In four ASes; the daemons themselves and whoever is honest are elsewhere. */
  #anySource(): string {
    return `127.${this.#dice.between(1, 4)}.66.${this.#dice.between(1, 60)}`;
  }

  #note(input: Input): Input {
    const name = `${input.target}: ${input.kind}`;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    this.last.add(input);
    return input;
  }
}
