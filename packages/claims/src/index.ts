export {
  type ClaimAccounts,
  ClaimBook,
  type ClaimBookOptions,
  type PieceState,
} from "./claim-book.ts";
export { ClaimClient, type ClaimClientOptions, type HeadFault } from "./claim-client.ts";
export { type HeadPort, LocalHeadPort } from "./head-port.ts";
