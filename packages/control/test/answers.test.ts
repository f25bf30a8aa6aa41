import { Value } from "typebox/value";
import { expect, it } from "vitest";
import { makeTorrent, startTestDaemon, temporaryFolder, until } from "./support/test-daemon.ts";

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = { readonly "application/json"?: { readonly schema: object } };

it("everything that can be read is answered as /openapi.json describes it, unknown torrents too", async () => {
  const daemon = await startTestDaemon(await temporaryFolder());
  const { metainfo, text } = await makeTorrent(daemon.dir);
  await daemon.client.add({ torrent: text });
  await until("it is checked", async () =>
    (await daemon.client.status()).torrents.some(({ state }) => state === "seeding"),
  );
  const { paths } = (await daemon.ask("GET", "/openapi.json")).body as unknown as Described;
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

function schemaOf({ responses }: Operation, status: string): object | undefined {
  return responses[status]?.content?.["application/json"]?.schema;
}
