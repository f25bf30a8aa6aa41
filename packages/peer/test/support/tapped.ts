import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import type { Endpoint } from "@cachetorrent/protocol";
import { onTestFinished } from "vitest";
import { endpoint } from "./samples.ts";

/** What passed over one connection, by who sent it. */
export interface Overheard {
  fromDialler: Buffer;
  fromDialled: Buffer;
}

/** A way to an endpoint on which everything is overheard: one entry for each connection, in the order they came. */
export async function tapped(to: Endpoint): Promise<{ at: Endpoint; overheard: readonly Overheard[] }> {
  const overheard: Overheard[] = [];
  const server = createServer((dialler) => {
    const dialled = connect({ host: to.address, port: to.port });
    const heard: Overheard = { fromDialler: Buffer.alloc(0), fromDialled: Buffer.alloc(0) };
    overheard.push(heard);
    dialler.on("data", (bytes) => {
      heard.fromDialler = Buffer.concat([heard.fromDialler, bytes]);
    });
    dialled.on("data", (bytes) => {
      heard.fromDialled = Buffer.concat([heard.fromDialled, bytes]);
    });
    dialler.pipe(dialled).pipe(dialler);
    for (const [one, other] of [
      [dialler, dialled],
      [dialled, dialler],
    ] as const) {
      one.on("error", () => one.destroy());
      one.on("close", () => other.destroy());
      onTestFinished(() => void one.destroy());
    }
  });
  server.listen(0, "127.1.0.3");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { at: endpoint(`127.1.0.3:${(server.address() as AddressInfo).port}`), overheard };
}
