import { ManualClock, type Random, seededRandom } from "@cachetorrent/clock";
import type { Address } from "@cachetorrent/protocol";
import { onTestFinished } from "vitest";
import { UdpTrackerClient } from "../../src/announcing/udp-tracker-client.ts";
import type { AddressGuard } from "../../src/outbound/address-guard.ts";
import { silent } from "./samples.ts";

interface More {
  readonly localAddress?: string;
  readonly clock?: ManualClock;
  readonly guard?: AddressGuard;
  readonly random?: Random;
}

/** Closed when the test has finished. */
export function udpClientOf(announceUrl: string, more: More = {}): UdpTrackerClient {
  const client = new UdpTrackerClient({
    announceUrl,
    clock: more.clock ?? new ManualClock(),
    random: more.random ?? seededRandom(7),
    log: silent,
    ...(more.guard ? { guard: more.guard } : {}),
    ...(more.localAddress ? { localAddress: more.localAddress as Address } : {}),
  });
  onTestFinished(() => client.close());
  return client;
}
