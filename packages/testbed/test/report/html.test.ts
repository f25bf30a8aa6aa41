import { describe, expect, it } from "vitest";
import { renderHtml } from "../../src/report/html.ts";
import { html, script, scriptJson } from "../../src/report/markup.ts";
import type { CellResult, ReportedPolicy } from "../../src/report/results.ts";
import { BITTORRENT, CACHE_50, cellOf, reportOf } from "../support/report-cells.ts";

const HOSTILE = `"'><img src=x onerror=alert(1)></script><!--&`;

describe("markup", () => {
  it("escapes every text that is put into it, in elements and attributes", () => {
    expect(html`<b title="${`"'`}">${"<&>"}${[1, "<"]}</b>`.text).toBe(
      `<b title="&#34;&#39;">&#60;&#38;&#62;1&#60;</b>`,
    );
    expect(html`<p>${html`<b>${"<"}</b>`}</p>`.text).toBe("<p><b>&#60;</b></p>");
  });

  it("lets no text end the script element it stands in", () => {
    const json = scriptJson({ name: HOSTILE }).text;
    expect(json).not.toContain("<");
    expect(JSON.parse(json)).toEqual({ name: HOSTILE });
    expect(script('f("</script><!--", a<b)').text).toBe('f("\\x3c/script>\\x3c!--", a<b)');
  });
});

describe("report.html", () => {
  it("takes names, reasons and commands for text", async () => {
    const page = await renderHtml(
      reportOf(
        [
          cellOf(
            { label: HOSTILE, name: "cache", leaderPercent: 10 },
            {
              variant: HOSTILE,
              state: "failed",
              why: HOSTILE,
              escapes: [{ asn: 1, peer: HOSTILE, atMs: 1, why: HOSTILE }],
            },
          ),
        ],
        { scenario: HOSTILE, about: HOSTILE, command: HOSTILE, machine: HOSTILE, madeAt: HOSTILE },
      ),
    );
    expect(page).not.toContain("<img");
    expect(page.match(/<\/script>/g)).toHaveLength(4);
  });

  it("says how to make it again, with what seed, where, and that all shared one copy of the content", async () => {
    const page = await renderHtml(reportOf([cellOf(BITTORRENT)], { storage: "shared" }));
    expect(page).toContain("<code>cachetorrent testbed run three.yml</code>");
    expect(page).toContain("<dd>7; a repetition adds its number</dd>");
    expect(page).toContain("<dd>2 swarm seconds in a real one; all times here are the swarm&#39;s</dd>");
    expect(page).toContain("<dd>shared: all peers use one copy of the content");
  });

  it("says in what the peers ran: processes, or threads of one where they share links", async () => {
    const report = reportOf([cellOf(BITTORRENT)]);
    expect(await renderHtml(report)).toContain("<dd>loopback: the peers spread over a few processes</dd>");
    const [home, ...others] = report.ases;
    if (!home) throw new Error("the report has three ASes");
    expect(await renderHtml({ ...report, ases: [{ ...home, linkOut: 1000 }, ...others] })).toContain(
      "<dd>loopback: the peers spread over threads of one process, which share the links",
    );
    expect(await renderHtml({ ...report, on: "compose" })).toContain("<dd>containers: each peer is one");
  });

  it("says where its cells were run, and when, where some are of an earlier run", async () => {
    const page = (...stamps: readonly Partial<CellResult>[]) =>
      renderHtml(reportOf(stamps.map((stamp, i) => cellOf(BITTORRENT, { repetition: i + 1, ...stamp }))));
    const old = { machine: "old one", madeAt: "2026-11-20T10:00:00.000Z" };
    const now = { machine: "one", madeAt: "2026-11-20T18:04:00.000Z" };
    expect(await page(now)).toContain("<dd>one</dd>");
    expect(await page(now)).toContain("<dd>2026-11-20T18:04:12.000Z</dd>");
    const both = await page(old, now, now);
    expect(both).toContain("<dd>old one (1 of 3 cells); one (2 of 3 cells)</dd>");
    expect(both).toContain(
      "<dd>2026-11-20T18:04:12.000Z; its cells ended from 2026-11-20T10:00:00.000Z to 2026-11-20T18:04:00.000Z</dd>",
    );
    expect(await page({}, now)).toContain("<dd>not known (1 of 2 cells); one (1 of 2 cells)</dd>");
  });

  it("says of which variant the initial seeds are in the table of ASes, where there are several", async () => {
    const cells = ["seed 1x", "seed 4x"].map((variant) => cellOf(BITTORRENT, { variant }));
    expect(await renderHtml(reportOf(cells))).toContain(
      "<summary>The 3 ASes, with the initial seeds as under seed 1x</summary>",
    );
    expect(await renderHtml(reportOf(cells.slice(0, 1)))).toContain("<summary>The 3 ASes</summary>");
  });

  it("tells what was begun outside and not finished", async () => {
    const page = await renderHtml(reportOf([cellOf(BITTORRENT, { partialBytes: 50_000 })]));
    expect(page).toMatch(/>unfinished<small>MiB<\/small><\/th>/);
    expect(page).toContain("<td>0.05</td>");
  });

  it("has no column of variants where there are none, and no section of leader percents where there is one", async () => {
    const limited = (policy: ReportedPolicy, variant: string) =>
      cellOf(policy, { variant, isMachineLimited: true });
    const cache = (leaderPercent: number): ReportedPolicy => ({
      ...CACHE_50,
      label: `cache ${leaderPercent}`,
      leaderPercent,
    });
    const plain = await renderHtml(reportOf([limited(BITTORRENT, ""), limited(CACHE_50, "")]));
    expect(plain).toContain('<th scope="col" class="text">mark</th>');
    expect(plain).not.toContain(">variant</th>");
    expect(plain).not.toContain("How many leaders");
    const more = await renderHtml(reportOf([limited(cache(20), "one"), limited(CACHE_50, "one")]));
    expect(more).toContain(">variant</th>");
    expect(more).toContain("<h2>How many leaders</h2>");
  });

  it("says how many of the escapes are in cells that are in no mean", async () => {
    const escapes = [{ asn: 1, peer: "127.1.0.1", atMs: 1, why: "no grant" }];
    const done = cellOf(BITTORRENT, { escapes });
    const partial = cellOf(BITTORRENT, { escapes, repetition: 2, state: "partial" });
    expect(await renderHtml(reportOf([done]))).toContain("<summary>Escapes: 1</summary>");
    expect(await renderHtml(reportOf([done, partial]))).toContain(
      "<summary>Escapes: 2, 1 of them in cells that are in no mean</summary>",
    );
  });

  it("shows what was known of a cell that was ended early, and nothing of one that failed", async () => {
    const early = { completed: 2, redundancy: 1.5, p50Ms: 700, p90Ms: 800, maxMs: 800 };
    const partial = cellOf(BITTORRENT, {
      ...early,
      externalBytes: 3 * 2 ** 20,
      state: "partial",
      why: "ended",
    });
    const failed = cellOf(CACHE_50, { state: "failed", why: "broke" });
    const page = await renderHtml(reportOf([partial, failed]));
    const table = page.split('<table id="faults">')[1]?.split("</table>")[0] ?? "";
    const rows = table.split("</tr>").map((row) => row.replaceAll(/(<[^>]*>)+/g, " ").trim());
    expect(rows.slice(0, 3)).toEqual([
      "policy repetition mark complete why redundancy, × worst AS, × external, MiB p50, s p90, s max, s",
      "bittorrent 1 partial 2/5 ended 1.50 3.00 3.0 0.7 0.8 0.8",
      "cache 50 1 failed 5/5 broke – – – – – –",
    ]);
  });

  it("is a page also of no cells", async () => {
    expect(await renderHtml(reportOf([], { isPartial: true }))).toContain(
      "<h1>No cell ran to its end, so there is nothing to compare.</h1>",
    );
  });
});
