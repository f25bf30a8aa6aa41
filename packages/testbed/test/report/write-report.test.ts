import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { renderCsv, renderHtml, type TestbedReport, writeReport } from "../../src/index.ts";
import { BITTORRENT, cellOf, reportOf } from "../support/report-cells.ts";
import { reportFixture } from "../support/report-fixture.ts";

describe("writing a report", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "report-"));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it("writes JSON, CSV and the page into a folder that need not be there, over older ones", async () => {
    const out = join(folder, "a", "b");
    await writeReport(reportOf([]), out);
    const report = reportOf([cellOf(BITTORRENT), cellOf(BITTORRENT, { repetition: 2 })]);
    await writeReport(report, out);
    expect((await readdir(out)).sort()).toEqual(["report.csv", "report.html", "report.json"]);
    expect(JSON.parse(await readFile(join(out, "report.json"), "utf8"))).toEqual(report);
    expect(await readFile(join(out, "report.csv"), "utf8")).toBe(renderCsv(report));
    expect(await readFile(join(out, "report.html"), "utf8")).toBe(await renderHtml(report));
  });

  it("keeps 48 cells of 700 downloaders and 14 ASes small, however finely crossings were sampled", async () => {
    const report = reportFixture(1, { samples: 2000 });
    expect(report.cells).toHaveLength(48);
    expect(report.cells[0]?.completionsMs).toHaveLength(700);
    await writeReport(report, folder);
    expect((await stat(join(folder, "report.html"))).size).toBeLessThan(1_500_000);
    expect((await stat(join(folder, "report.json"))).size).toBeLessThan(2_500_000);

    const read = JSON.parse(await readFile(join(folder, "report.json"), "utf8")) as TestbedReport;
    const [first, firstRead] = [report.cells[0], read.cells[0]];
    expect(firstRead?.crossings.atMs).toHaveLength(128);
    expect(firstRead?.crossings.bytesByAs.map((series) => series.at(-1))).toEqual(
      first?.crossings.bytesByAs.map((series) => series.at(-1)),
    );
    expect({ ...firstRead, crossings: null }).toEqual({ ...first, crossings: null });
  });

  it("tells where it cannot write, and leaves nothing half done", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(writeReport(reportOf([]), join(folder, "file", "out"))).rejects.toMatchObject({
      code: "CT_ERR_FILE_IN_THE_WAY",
      message: `--out ${join(folder, "file", "out")}: cannot make the folder: a file is where a directory must be`,
    });
    await mkdir(join(folder, "report.json"));
    await expect(writeReport(reportOf([]), folder)).rejects.toMatchObject({
      code: "CT_ERR_FILE_IN_THE_WAY",
      message: `--out ${folder}: cannot write report.json: a directory is where a file must be`,
    });
    expect(await readdir(folder)).toEqual(["file", "report.json"]);
  });
});
