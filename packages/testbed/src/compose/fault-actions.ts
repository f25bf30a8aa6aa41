import type { Clock, Timer } from "@cachetorrent/clock";
import { CtError, formatRate, type PeerId } from "@cachetorrent/protocol";
import type { ElectorateStats } from "@cachetorrent/tracker";
import { mortalLeaders } from "../killer.ts";
import type { FaultRecord } from "../report/results.ts";
import type { Fault } from "../scenario/faults.ts";
import { Schedule } from "../schedule.ts";
import { borderService } from "./compose-document.ts";
import type { ComposePlan } from "./compose-plan.ts";
import { tcRate } from "./tc-rate.ts";

/** What faults are done by. */
export interface FaultHands {
  readonly faults: readonly Fault[];
  readonly plan: ComposePlan;
  readonly clock: Clock;
  idOf(peerId: PeerId): number | undefined;
  electorates(): Promise<readonly ElectorateStats[]>;
  /** Ends peers for good, by their place in the plan. */
  killPeers(ids: readonly number[]): Promise<void>;
  killTracker(): Promise<void>;
  startTracker(): Promise<void>;
  /** `border-ctl WORDS` in the border of an AS. */
  border(service: string, words: readonly string[]): Promise<void>;
  failed(error: CtError): void;
}

/** Does the faults of a scenario when they are due, heals those that have an end, and keeps the record. */
export class FaultActions {
  readonly #hands: FaultHands;
  readonly #schedule: Schedule<Fault>;
  readonly #records: { -readonly [K in keyof FaultRecord]: FaultRecord[K] }[];
  readonly #healing = new Set<Timer>();
  #startAt = 0;

  constructor(hands: FaultHands) {
    this.#hands = hands;
    this.#records = hands.faults.map((fault) => ({
      what: faultText(fault),
      whom: [],
      atMs: null,
      healedMs: null,
    }));
    this.#schedule = new Schedule(hands.faults, hands.clock, (fault) => void this.#do(fault));
  }

  start(): void {
    this.#startAt = this.#hands.clock.now();
    this.#schedule.start();
  }

  /** The peers hold so much of the content on average. */
  progressed(fraction: number): void {
    this.#schedule.progressed(fraction);
  }

  /** Nothing more is done, nor healed. */
  stop(): void {
    this.#schedule.stop();
    for (const timer of this.#healing) timer.cancel();
  }

  get records(): readonly FaultRecord[] {
    return this.#records;
  }

  async #do(fault: Fault): Promise<void> {
    const record = this.#records[this.#hands.faults.indexOf(fault)];
    if (!record) return;
    try {
      record.atMs = this.#now();
      record.whom = await this.#hit(fault);
      const healing = healingOf(fault);
      if (!healing) return;
      const timer = this.#hands.clock.after(healing.afterMs, () => {
        this.#healing.delete(timer);
        this.#heal(healing.fault).then(
          () => {
            record.healedMs = this.#now();
          },
          (cause: Error) => this.#fail(`cannot undo "${record.what}"`, cause),
        );
      });
      this.#healing.add(timer);
    } catch (cause) {
      this.#fail(`cannot do "${record.what}"`, cause as Error);
    }
  }

  async #hit(fault: Fault): Promise<string[]> {
    const { killPeers, plan } = this.#hands;
    switch (fault.kind) {
      case "kill-peer": {
        await killPeers(plan.peers.flatMap((peer) => (peer.name === fault.name ? peer.id : [])));
        return [fault.name];
      }
      case "kill-leaders": {
        const electorates = await this.#hands.electorates();
        const ofAs = electorates.filter(({ asn }) => fault.asn === undefined || asn === fault.asn);
        const ids = mortalLeaders(ofAs, fault.whom, plan.peers, this.#hands.idOf);
        await killPeers(ids);
        return ids.flatMap((id) => plan.peers[id]?.name ?? []);
      }
      case "kill-tracker":
        await this.#hands.killTracker();
        return ["tracker"];
      case "cut":
        return [await this.#border(fault.asn, () => ["down"])];
      case "slow":
        return [
          await this.#border(fault.asn, ({ linkIn, linkOut }) => [
            "rate",
            tcRate(fault.linkIn ?? linkIn),
            tcRate(fault.linkOut ?? linkOut),
          ]),
        ];
    }
  }

  async #heal(fault: Healable): Promise<void> {
    if (fault.kind === "kill-tracker") await this.#hands.startTracker();
    else if (fault.kind === "cut") await this.#border(fault.asn, () => ["up"]);
    else await this.#border(fault.asn, ({ linkIn, linkOut }) => ["rate", tcRate(linkIn), tcRate(linkOut)]);
  }

  async #border(asn: number, words: (as: ComposePlan["ases"][number]) => readonly string[]): Promise<string> {
    const as = this.#hands.plan.ases.find((one) => one.asn === asn);
    if (!as) throw new RangeError(`no AS ${asn}`);
    const service = borderService(as.place);
    await this.#hands.border(service, words(as));
    return service;
  }

  #now(): number {
    return Math.round(this.#hands.clock.now() - this.#startAt);
  }

  #fail(what: string, cause: Error): void {
    this.#hands.failed(new CtError("CT_ERR_TESTBED", `${what}: ${cause.message}`, { cause }));
  }
}

type Healable = Extract<Fault, { kind: "kill-tracker" | "cut" | "slow" }>;

function healingOf(fault: Fault): { readonly fault: Healable; readonly afterMs: number } | undefined {
  if (fault.kind === "cut") return { fault, afterMs: fault.forMs };
  if (fault.kind === "slow" && fault.forMs !== undefined) return { fault, afterMs: fault.forMs };
  if (fault.kind === "kill-tracker" && fault.restartAfterMs !== undefined)
    return { fault, afterMs: fault.restartAfterMs };
  return undefined;
}

/** `head of AS 2 killed`, `AS 3 cut off`: the same in every cell, so that cells can be compared. */
export function faultText(fault: Fault): string {
  switch (fault.kind) {
    case "kill-peer":
      return `${fault.name} killed`;
    case "kill-leaders":
      return `${fault.whom} of ${fault.asn === undefined ? "every AS" : `AS ${fault.asn}`} killed`;
    case "kill-tracker":
      return "tracker killed";
    case "cut":
      return `AS ${fault.asn} cut off`;
    case "slow": {
      const { linkIn, linkOut } = fault;
      const rates =
        linkIn === linkOut
          ? [formatRate(linkIn ?? 0)]
          : [
              ...(linkIn === undefined ? [] : [`${formatRate(linkIn)} in`]),
              ...(linkOut === undefined ? [] : [`${formatRate(linkOut)} out`]),
            ];
      return `border of AS ${fault.asn} at ${rates.join(", ")}`;
    }
  }
}
