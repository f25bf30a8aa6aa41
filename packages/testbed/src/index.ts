/** What a ledger file tells of one torrent. */
export type { TorrentAccounts as LedgerTorrent } from "@cachetorrent/peer";
export {
  type Accounts,
  accountsOf,
  type ContentSize,
  externalBytes,
  type PeerRecord,
  receivedBytes,
} from "./accounts.ts";
export { linkAwareBoundMs, type SwarmCapacities } from "./bounds.ts";
export { bundledScenarios } from "./bundled-scenarios.ts";
export type { CellProgress } from "./cell-records.ts";
export type { CellRunner } from "./cell-runner.ts";
export { ComposeRunner, type ComposeRunnerOptions } from "./compose/compose-runner.ts";
export { type ComposeTestbedOptions, timeScaleNote, writeComposeTestbed } from "./compose/compose-testbed.ts";
export { type ContentFile, findDifference, writeSeededContent } from "./content.ts";
export { type Content, createTorrent } from "./create-torrent.ts";
export { DaemonGroup } from "./daemon-group.ts";
export {
  type DaemonEvent,
  type DaemonExit,
  type DaemonLine,
  type DaemonOptions,
  DaemonProcess,
  describeExit,
  type WaitOptions,
} from "./daemon-process.ts";
export { type DemoOptions, runDemo } from "./demo.ts";
export type { DemoReport, DemoRun } from "./demo-report.ts";
export { DEMO, type DemoScenario } from "./demo-scenario.ts";
export { estimateMs } from "./estimate.ts";
export { freePort } from "./free-port.ts";
export { type Launcher, launch, runCommand } from "./launcher.ts";
export { readLedger } from "./ledger.ts";
export { type LoopbackOptions, LoopbackRunner } from "./loopback/loopback-runner.ts";
export { type PeerOptions, type PeerProcess, startPeerProcess } from "./peer-process.ts";
export { percentile } from "./percentile.ts";
export {
  type BorderCounters,
  type CellResult,
  type FaultRecord,
  headlines,
  type ReportedAs,
  type ReportedPolicy,
  renderCsv,
  renderHtml,
  renderTable,
  type Spread,
  type StockRecord,
  type SummaryRow,
  summarise,
  type TestbedReport,
  writeReport,
} from "./report/index.ts";
export { type RunScenarioOptions, type RunWatcher, runScenario } from "./run-scenario.ts";
export { cellLabel, cellsOf } from "./scenario/cells.ts";
export { loadScenario, readScenario } from "./scenario/load-scenario.ts";
export type { Cell, Scenario } from "./scenario/scenario.ts";
export { hostAddress, prefixOfAs } from "./site-address.ts";
export {
  type Site,
  type SwarmOptions,
  type SwarmPeer,
  type SwarmProgress,
  SwarmRun,
} from "./swarm-run.ts";
export { startTrackerProcess, type TrackerOptions, type TrackerProcess } from "./tracker-process.ts";
export { renderWatched } from "./watch/watch-table.ts";
export {
  completeOf,
  fractionHere,
  isCounted,
  readWatchedSwarm,
  type WatchedBorder,
  type WatchedSwarm,
} from "./watch/watched-swarm.ts";
