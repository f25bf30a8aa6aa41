import { beforeAll, expect, test } from "vitest";
import { buildImage, buildStockImage, describeInContainers } from "./support/docker.ts";
import { runOnCompose } from "./support/run-on-compose.ts";

describeInContainers("stock clients in containers", () => {
  beforeAll(async () => {
    await buildImage();
    await buildStockImage();
  }, 400_000);

  test("finish in an AS with members, and the report shows what crossed for them", async () => {
    const [cell] = await runOnCompose("stock");
    expect(cell?.state).toBe("done");
    expect(cell?.stock?.map(({ completed }) => completed)).toEqual([true, true]);
    expect(cell?.stockCrossings).toBeDefined();
  }, 240_000);
});
