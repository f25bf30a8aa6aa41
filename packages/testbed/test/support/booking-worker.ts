import { parentPort, workerData } from "node:worker_threads";
import type { Address } from "@cachetorrent/protocol";
import { AsLinks } from "../../src/loopback/as-links.ts";

// Books blocks on a link, all at the same time, and tells when the last of them may pass.
const { bookings, memory, rate } = workerData as {
  bookings: number;
  memory: SharedArrayBuffer;
  rate: number;
};
const rates = [
  { linkIn: Number.POSITIVE_INFINITY, linkOut: Number.POSITIVE_INFINITY },
  { linkIn: rate, linkOut: Number.POSITIVE_INFINITY },
];
const links = new AsLinks(rates, memory, 0).of(0);
let last = 0;
for (let i = 0; i < bookings; i++) last = Math.max(last, links.book("127.2.0.1" as Address, 1000, 1000));
parentPort?.postMessage(last);
