import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Value } from "typebox/value";
import { expect, it } from "vitest";
import {
  makeTorrent,
  startTestDaemon,
  type TestDaemon,
  temporaryFolder,
  until,
} from "./support/test-daemon.ts";

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema: object }>>;

type Ask = readonly [
  method: "post" | "patch" | "put" | "delete",
  path: string,
  body?: object,
  status?: string,
];

it("everything that can be read is answered as /openapi.json describes it, unknown torrents too", async () => {
  const daemon = await startTestDaemon(await temporaryFolder());
  const { metainfo, text } = await makeTorrent(daemon.dir);
  await daemon.client.add({ torrent: text });
  await until("it is checked", async () =>
    (await daemon.client.status()).torrents.some(({ state }) => state === "seeding"),
  );
  const { paths } = await describedBy(daemon);
  const asked: string[] = [];
  for (const [path, { get }] of Object.entries(paths)) {
    const schema = get && schemaOf(get, "200");
    if (!schema) continue;
    asked.push(path);
    const answer = await daemon.ask("GET", path.replace("{infoHash}", metainfo.infoHash));
    expect(answer.status, path).toBe(200);
    expect([...Value.Errors(schema, answer.body)], path).toEqual([]);
    if (!path.includes("{infoHash}")) continue;
    const error = schemaOf(get, "4XX");
    const unknown = await daemon.ask("GET", path.replace("{infoHash}", "0".repeat(40)));
    expect(unknown.status, path).toBe(404);
    expect(error && [...Value.Errors(error, unknown.body)], path).toEqual([]);
  }
  expect(asked).toEqual(
    expect.arrayContaining([
      "/v1/limits",
      "/v1/ledger",
      "/v1/torrents",
      ...["", "/files", "/ledger", "/peers", "/roles", "/trackers"].map(
        (what) => `/v1/torrents/{infoHash}${what}`,
      ),
    ]),
  );
});

it("every order is answered as /openapi.json describes it, one that is refused, too", async () => {
  const daemon = await startTestDaemon(await temporaryFolder());
  const { metainfo, text } = await makeTorrent(daemon.dir);
  const { paths } = await describedBy(daemon);
  const torrent = "/v1/torrents/{infoHash}";
  const orders: Ask[] = [
    ["post", "/v1/torrents", { torrent: text, stopRule: { ratio: 1 } }, "201"],
    ["post", `${torrent}/pause`],
    ["post", `${torrent}/resume`],
    ["patch", torrent, { limits: { up: 5000 }, stopRule: { afterMs: 1 } }],
    ["patch", `${torrent}/files`, { priorities: { 0: "high" } }],
    ["patch", "/v1/limits", { down: 7000 }],
    ["put", "/v1/limits/schedule", { schedule: ["00:00-24:00 up=4kB/s"] }],
    ["delete", torrent],
  ];
  for (const [method, path, body, status = "200"] of orders) {
    const operation = paths[path]?.[method];
    const named = `${method} ${path}`;
    const check = async (infoHash: string, expected: string, sent: object | undefined, described: string) => {
      const answer = await daemon.ask(method.toUpperCase(), path.replace("{infoHash}", infoHash), sent);
      expect(String(answer.status), named).toBe(expected);
      const schema = operation && schemaOf(operation, described);
      expect(schema, `${named} is described for ${described}`).toBeDefined();
      expect(schema && [...Value.Errors(schema, answer.body)], named).toEqual([]);
      // Of what a description leaves out nothing was held against it.
      expect(Object.keys(answer.body).length, named).toBeGreaterThan(0);
    };
    if (body) await check(metainfo.infoHash, "400", { ...body, no: "such thing" }, "4XX");
    if (path.includes("{infoHash}")) await check("0".repeat(40), "404", body, "4XX");
    await check(metainfo.infoHash, status, body, status);
  }
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).flatMap((method) => (method === "get" ? [] : [`${method} ${path}`])),
  );
  expect(orders.map(([method, path]) => `${method} ${path}`).sort()).toEqual(described.sort());
});

it("every event is told as /openapi.json describes it", async () => {
  const daemon = await startTestDaemon(await temporaryFolder());
  const { client } = daemon;
  const whole = await makeTorrent(daemon.dir, "whole");
  const hindered = await makeTorrent(await temporaryFolder(), "hindered");
  await mkdir(join(daemon.dir, "hindered", "a.iso"), { recursive: true });
  const { infoHash } = whole.metainfo;
  const { paths } = await describedBy(daemon);
  const events = paths["/v1/events"]?.get?.responses["200"]?.content?.["text/event-stream"]?.schema;
  const { properties } = events as { readonly properties: Readonly<Record<string, object>> };
  const order = async () => {
    await client.add({ torrent: hindered.text });
    await client.add({ torrent: whole.text });
    await client.pause(infoHash);
    await client.resume(infoHash);
    await client.change(infoHash, { limits: { up: 5000 }, stopRule: { afterMs: 0 } });
    await client.changeLimits({ up: 7000 });
  };
  const told = new Set<string>();
  let ordered: Promise<void> | undefined;
  let rows = 0;
  for await (const { data, event } of client.events()) {
    ordered ??= order();
    const schema = properties[event];
    expect(schema, `${event} is described`).toBeDefined();
    expect(schema && [...Value.Errors(schema, data)], event).toEqual([]);
    if (event === "progress") rows += (data as { readonly torrents: readonly object[] }).torrents.length;
    told.add(event);
    if (event === "shared") await ordered.then(() => client.remove(infoHash, false));
    if (told.size === Object.keys(properties).length && rows > 0) break;
  }
  expect([...told].sort()).toEqual(Object.keys(properties).sort());
});

async function describedBy(daemon: Pick<TestDaemon, "ask">): Promise<Described> {
  return (await daemon.ask("GET", "/openapi.json")).body as unknown as Described;
}

function schemaOf({ responses }: Operation, status: string): object | undefined {
  return responses[status]?.content?.["application/json"]?.schema;
}
