export { type Clock, systemClock, type Timer } from "./clock.ts";
export { ManualClock } from "./manual-clock.ts";
export { type Random, randomBelow, sample, seededRandom, systemRandom } from "./random.ts";
export { ScaledClock } from "./scaled-clock.ts";
export { type Occurrences, Seldom } from "./seldom.ts";
