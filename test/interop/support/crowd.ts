import type { Host } from "./lab.ts";
import type { MadeTorrent } from "./torrents.ts";

/** Announces once for each address, as a trusted proxy would pass the announces on, and prints "announced". */
const ANNOUNCE_FOR = `
  const [url, infoHash, ...addresses] = process.argv.slice(1);
  const hash = infoHash.replace(/../g, "%$&");
  Promise.all(addresses.map(async (address, at) => {
    const peerId = "-XX0001-" + String(at).padStart(12, "0");
    const query = "?info_hash=" + hash + "&peer_id=" + peerId
      + "&port=6881&uploaded=0&downloaded=0&left=1&event=started&compact=1&numwant=0";
    const answer = await fetch(url + query, { headers: { "x-forwarded-for": address } });
    const text = await answer.text();
    if (text.includes("failure reason")) throw new Error(text);
  })).then(() => console.log("announced"));`;

/**
 * Fills a swarm with members at these addresses, at which nobody answers. The tracker must trust `proxy`
 * (`--trust-proxy`).
 */
export async function announceCrowd(
  proxy: Host,
  torrent: MadeTorrent,
  tracker: string,
  addresses: readonly string[],
): Promise<void> {
  const args = ["-e", ANNOUNCE_FOR, tracker, torrent.infoHash, ...addresses];
  const announcing = await proxy.run(process.execPath, args);
  await announcing.waitForLine(/^announced$/);
}
