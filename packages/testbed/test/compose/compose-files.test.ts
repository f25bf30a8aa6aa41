import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";

const DOCKER = new URL("../../../../docker/", import.meta.url);

interface ComposeFile {
  readonly services: Readonly<Record<string, { image: string; build?: unknown; volumes?: unknown[] }>>;
  readonly networks?: Readonly<Record<string, { driver_opts?: Readonly<Record<string, string>> }>>;
}

async function composeFile(name: string): Promise<ComposeFile> {
  return parse(await readFile(new URL(name, DOCKER), "utf8"), { merge: true }) as ComposeFile;
}

test.each(["compose.yml", "compose.asn.yml", "compose.stock.yml"])(
  "docker/%s builds every image that it runs: no registry has them",
  async (name) => {
    const services = Object.values((await composeFile(name)).services);
    const built = services.filter(({ build }) => build !== undefined).map(({ image }) => image);
    for (const { image } of services) expect(built).toContain(image);
  },
);

test("docker/compose.yml has Docker let packets of other networks into each of its own", async () => {
  const { networks = {} } = await composeFile("compose.yml");
  expect(Object.keys(networks)).toEqual(["internet", "as1", "as2", "as3"]);
  for (const [name, { driver_opts }] of Object.entries(networks))
    expect([name, driver_opts?.["com.docker.network.bridge.gateway_mode_ipv4"]]).toEqual([
      name,
      "nat-unprotected",
    ]);
});

test("docker/compose.asn.yml mounts nothing that Docker would make in node_modules", async () => {
  for (const { volumes } of Object.values((await composeFile("compose.asn.yml")).services))
    expect(JSON.stringify(volumes)).not.toContain("node_modules");
});
