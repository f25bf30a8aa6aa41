import { beforeAll, expect, test } from "vitest";
import { describeAtLeisure } from "./support/describe-in-containers.ts";
import { buildImage, buildStockImage } from "./support/docker.ts";
import { runOnCompose } from "./support/run-on-compose.ts";

const CONTENT_BYTES = 64 * 256 * 1024;
const STOCK_CLIENTS = 2;
const STOCK_AS = 2;
/** At most so many copies may cross for each stock client, and at most so much more for what came twice. */
const COPIES_EACH = 2;
const OVERHEAD = 1.15;

describeAtLeisure("stock clients in containers", () => {
  beforeAll(async () => {
    await buildImage();
    await buildStockImage();
  }, 400_000);

  test("finish in an AS with members, and the report shows what crossed for them; who is killed elsewhere holds nobody up", async () => {
    const { cells, html, printed } = await runOnCompose("stock");
    const [cell] = cells;
    expect(cell?.state).toBe("done");
    expect(cell?.stock?.map(({ completed }) => completed)).toEqual([true, true]);

    const [crossed, ...others] = cell?.stockCrossings ?? [];
    expect(others).toEqual([]);
    expect(crossed?.asn).toBe(STOCK_AS);
    expect(crossed?.bytes).toBeGreaterThan(0);
    expect(crossed?.bytes).toBeLessThanOrEqual(COPIES_EACH * CONTENT_BYTES * OVERHEAD * STOCK_CLIENTS);
    // A row of its own, with what crossed for them and for our peers beside them.
    expect(printed).toMatch(/stock clients +complete +last s +external copies each +our peers'/);
    expect(printed).toMatch(/1 aria2, 1 transmission +2\/2 +[\d.]+ +\d\.\d+ +\d\.\d+/);
    expect(html).toContain("<h2>Stock clients</h2>");
    expect(html).toContain("1 aria2, 1 transmission");

    const [slow, peer, leaders] = cell?.faults ?? [];
    expect(slow).toMatchObject({ what: "border of AS 1 at 1.25 MB/s", whom: ["border1"] });
    expect(slow?.healedMs).toBeGreaterThan(slow?.atMs ?? Number.POSITIVE_INFINITY);
    expect(peer).toMatchObject({ what: "peer-1-5 killed", whom: ["peer-1-5"] });
    expect(leaders?.what).toBe("leaders of AS 1 killed");
    expect(leaders?.whom.length).toBeGreaterThan(0);
    // Whoever was not killed is complete; somebody killed may have been, too.
    const killed = new Set([...(peer?.whom ?? []), ...(leaders?.whom ?? [])]);
    expect(cell?.completed).toBeGreaterThanOrEqual((cell?.peers ?? 0) - killed.size);
  }, 240_000);
});
