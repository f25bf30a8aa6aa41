export {
  ControlClient,
  type ControlEvent,
  connectToDaemon,
  type DaemonStatus,
  type WhereDaemonIs,
} from "./client.ts";
export type { RunningDaemon } from "./daemon.ts";
export type { LimitValues } from "./limit-values.ts";
export { startDaemon } from "./start-daemon.ts";
export { tokenPath } from "./token.ts";
export type { FilesView, FileView, TorrentView } from "./views.ts";
