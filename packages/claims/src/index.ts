export {
  type ClaimAccounts,
  ClaimBook,
  type ClaimBookOptions,
} from "./claim-book.ts";
export { ClaimClient, type ClaimClientOptions, type HeadFault } from "./claim-client.ts";
export { type HeadPort, LocalHeadPort } from "./head-port.ts";
export type { PieceState } from "./piece-state.ts";
