import { afterAll, beforeAll, expect, test } from "vitest";
import { describeInContainers } from "./support/describe-in-containers.ts";
import { buildImage } from "./support/docker.ts";
import { Stack } from "./support/stack.ts";

describeInContainers("the route database in a container", () => {
  const stack = new Stack("asn", {}, "docker/compose.asn.yml");
  beforeAll(buildImage, 300_000);
  afterAll(() => stack.down(), 60_000);

  test("knows the ASes of real addresses, and the table those of our own sites", async () => {
    const printed = await stack.compose("run", "--rm", "-T", "lookup");
    expect(printed.trim().split("\n")).toEqual([
      expect.stringMatching(/^1\.1\.1\.1 +AS13335$/),
      expect.stringMatching(/^8\.8\.8\.8 +AS15169$/),
      expect.stringMatching(/^193\.0\.6\.139 +AS3333$/),
      expect.stringMatching(/^130\.89\.148\.77 +AS1133$/),
      expect.stringMatching(/^2606:4700:4700::1111 +AS13335$/),
      expect.stringMatching(/^198\.18\.2\.7 +AS64502$/),
    ]);
  });
});
