import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { call, temporaryFolder } from "./support/run.ts";

describe("as", () => {
  test("shows the AS of each address, from the tables that it is given", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "sites.txt"), "198.18.2.0/24 64502 branch\n");
    const tables = ["--as-prefix", "198.18.0.0/15=64500", "--as-table", "sites.txt"];
    const known = await call(["as", "198.18.1.7", "198.18.2.9", ...tables], { cwd: folder });
    expect(known).toMatchObject({ exitCode: 0, stdout: "198.18.1.7  AS64500\n198.18.2.9  AS64502\n" });
    const unknown = await call(["as", "2001:db8::1", ...tables], { cwd: folder });
    expect(unknown).toMatchObject({ exitCode: 1, stdout: "2001:db8::1  unknown\n" });
  });
  test("knows the Internet's from a route database", async () => {
    const folder = new URL("../../../node_modules/@ip-location-db/asn/", import.meta.url).pathname;
    const files = ["asn-ipv4.csv", "asn-ipv6.csv"].flatMap((file) => ["--route-db", join(folder, file)]);
    const { stdout } = await call(["as", "1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", ...files]);
    expect(stdout).toMatch(/^1\.1\.1\.1 +AS13335\n8\.8\.8\.8 +AS15169\n2606:4700:4700::1111 +AS13335\n$/);
  });
});
