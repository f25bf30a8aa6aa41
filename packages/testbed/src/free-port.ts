import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/** A port of `address` that nobody has just now, for a daemon that must come back at the same place. */
export async function freePort(address: string): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
