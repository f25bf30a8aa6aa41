import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";

const DOCKER = new URL("../../../../docker/", import.meta.url);

interface ComposeFile {
  readonly services: Readonly<Record<string, { image: string; build?: unknown; volumes?: unknown[] }>>;
  readonly networks?: Readonly<Record<string, { driver_opts?: Readonly<Record<string, string>> }>>;
}

/** What a text of compose's takes from the environment, `${NAME:-default}` or `${NAME-default}`. */
const VARIABLE = /\$\{(\w+)(?::?-([^}]*))?\}/g;
/** Whoever names other images does so for a command, and not in the settings. */
const IMAGES = ["CACHETORRENT_IMAGE", "CACHETORRENT_STOCK_IMAGE"];

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

test("docker/compose.asn.yml shares no name with docker/compose.yml, whose project it is in: `down` would take that away", async () => {
  const sites = await composeFile("compose.yml");
  const asn = await composeFile("compose.asn.yml");
  const names = ({ networks = {}, services }: ComposeFile) => [
    ...Object.keys(services),
    ...Object.keys(networks),
  ];
  expect(names(asn)).toContain("lookup");
  expect(names(asn).filter((name) => names(sites).includes(name))).toEqual([]);
});

test("docker/.env has every setting of docker/compose.yml, with its default", async () => {
  const [settings, file] = await Promise.all(
    [".env", "compose.yml"].map((name) => readFile(new URL(name, DOCKER), "utf8")),
  );
  const written = [...(settings ?? "").matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]);
  const used = [...(file ?? "").matchAll(VARIABLE)]
    .map(([, name = "", value]) => [name, value] as const)
    .filter(([name]) => !IMAGES.includes(name));
  expect(Object.fromEntries(written)).toEqual(Object.fromEntries(used));
});
