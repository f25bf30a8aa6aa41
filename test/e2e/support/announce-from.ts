import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import {
  type AnnounceAnswer,
  type AnnounceRequest,
  decodeAnnounceAnswer,
  encodeAnnounceRequest,
  unwrap,
} from "@cachetorrent/protocol";

/** An announce from that address: the tracker believes nothing else about where somebody is. What is left out says a seed that starts. */
export async function announceFrom(
  address: string,
  announceUrl: string,
  announce: Pick<AnnounceRequest, "infoHash" | "peerId" | "port"> & Partial<AnnounceRequest>,
): Promise<AnnounceAnswer> {
  const query = encodeAnnounceRequest({
    uploaded: 0,
    downloaded: 0,
    left: 0,
    event: "started",
    compact: true,
    noPeerId: false,
    ...announce,
  });
  const request = get(`${announceUrl}?${query}`, { localAddress: address });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return unwrap(decodeAnnounceAnswer(Buffer.concat(await response.toArray())));
}
