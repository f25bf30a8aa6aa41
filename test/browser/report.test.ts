import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type CellResult, summarise, type TestbedReport, writeReport } from "@cachetorrent/testbed";
import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { BITTORRENT, CACHE_50, cellOf, reportOf } from "../../packages/testbed/test/support/report-cells.ts";
import { reportFixture, troubledFixture } from "../../packages/testbed/test/support/report-fixture.ts";
import { describeInBrowser } from "./support/describe-in-browser.ts";
import { type OpenedPage, openPage } from "./support/opened-page.ts";

const REPORT = reportFixture(1);
const POLICIES = [...new Set(REPORT.cells.map((cell) => cell.policy.label))];
const HOSTILE = `"><img src="http://127.0.0.1:9/x" onerror="alert(1)"><script>alert(2)</script>`;

describeInBrowser("report.html in Chromium, opened from disk", (browser) => {
  let folder: string;
  let opened: OpenedPage | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "report-page-"));
    await writeReport(REPORT, join(folder, "good"));
    await writeReport(troubledFixture(1), join(folder, "troubled"));
    await writeReport(hostileReport(), join(folder, "hostile"));
    await writeReport(smallReport(), join(folder, "small"));
    await writeReport(faultyReport(), join(folder, "faulty"));
  });

  afterAll(() => rm(folder, { recursive: true }));

  // Whatever a test did with the page, it asked for nothing and complained of nothing.
  afterEach(async () => {
    const { page, requests, complaints } = opened ?? { page: undefined, requests: [], complaints: [] };
    opened = undefined;
    await page?.context().close();
    expect(requests).toEqual([]);
    expect(complaints).toEqual([]);
  });

  async function open(name: string, options: BrowserContextOptions = {}): Promise<Page> {
    opened = await openPage(browser(), pathToFileURL(join(folder, name, "report.html")).href, options);
    return opened.page;
  }

  it("opens with the sentence that matters", async () => {
    const page = await open("good");
    const plain = cellsOf("bittorrent", "seed 1x");
    const coordinated = cellsOf("coordinated", "seed 1x");
    const ratios = coordinated.map((cell, i) => (cell.p90Ms ?? 0) / (plain[i]?.p90Ms ?? 0));
    const percent = Math.round(100 * (ratios.toSorted((a, b) => a - b)[1] ?? 0));
    expect(await textOf(page.locator("h1"))).toBe(
      `seed 1x: BitTorrent moved each byte ${meanOf(plain, (cell) => cell.redundancy).toFixed(1)} times into each AS; ` +
        `coordinated ${meanOf(coordinated, (cell) => cell.redundancy).toFixed(3)} times, in ${percent} % of the time.`,
    );
    expect(await textOf(page.locator("p.headline"))).toMatch(/^seed 4x: BitTorrent moved each byte /);
  });

  it("shows the figures of every policy and variant in the tables", async () => {
    const page = await open("good");
    expect(await page.locator("#summary tr[data-policy]").count()).toBe(16);
    for (const { variant, policy } of summarise(REPORT)) {
      const cells = cellsOf(policy.label, variant);
      const row = page.locator(`#summary tr[data-policy="${policy.label}"][data-variant="${variant}"]`);
      const shown = await row.locator("td").allInnerTexts();
      const redundancy = meanOf(cells, (cell) => cell.redundancy);
      expect(Number(firstLine(shown[0]))).toBeCloseTo(redundancy, redundancy < 1.1 ? 3 : 1);
      expect(Number(firstLine(shown[4])) * 1000).toBeCloseTo(
        meanOf(cells, (cell) => cell.p50Ms),
        -2,
      );
      const details = page.locator(`#details tr[data-policy="${policy.label}"][data-variant="${variant}"]`);
      expect(await textOf(details)).toContain("701/701");
    }
    expect(await page.locator("#faults").count()).toBe(0);
  });

  it("draws completions of all policies for each variant", async () => {
    const page = await open("good");
    const charts = page.locator("#completion figure svg[aria-label^='Completion']");
    expect(await charts.count()).toBe(2);
    for (const label of POLICIES) {
      const line = charts
        .first()
        .locator(`path[aria-label="${label}"], [aria-label="${label}"] path`)
        .first();
      expect((await line.getAttribute("d"))?.length).toBeGreaterThan(500);
      expect((await line.boundingBox())?.height).toBeGreaterThan(100);
    }
    await expectAxis(page, "time since the first announce answer, s →");
  });

  it("takes a policy's line out when its button is pressed, and puts it back", async () => {
    const page = await open("good");
    const line = page.locator(
      `#completion [aria-label="cache 10"] path, #completion path[aria-label="cache 10"]`,
    );
    const button = page.locator("#legend button", { hasText: "cache 10" });
    expect(await line.count()).toBe(2);
    await button.click();
    expect(await line.count()).toBe(0);
    expect(await button.getAttribute("aria-pressed")).toBe("false");
    await button.click();
    expect(await line.count()).toBe(2);
  });

  it("draws what entered each AS, a panel for each policy and a line for each AS", async () => {
    const page = await open("good");
    const panels = page.locator("#crossings figure");
    expect(await panels.locator("figcaption b").allInnerTexts()).toEqual(POLICIES);
    for (const index of POLICIES.keys()) {
      expect(
        await panels.nth(index).locator("[aria-label^='AS 645'] path, path[aria-label^='AS 645']").count(),
      ).toBe(14);
    }
  });

  it("marks on the axes of time what was done to the swarms, and lists it", async () => {
    const page = await open("faulty");
    const mark = 'line[aria-label="1: AS 64502 cut off at 40 s, healed at 60 s"]';
    // To all policies of the first variant at one time: one mark for all of them, then one a panel.
    expect(await page.locator(`#completion ${mark}`).count()).toBe(1);
    await expectAxis(page, "time since the start of the swarm, s →");
    expect(await page.locator(`#crossings ${mark}`).count()).toBe(POLICIES.length);
    const listed = page.locator("#fault-times tbody tr");
    expect(await listed.count()).toBe(REPORT.cells.length / 2);
    expect(await listed.first().textContent()).toContain("border2");
  });

  it("draws who sent to whom for the policy that is chosen, beside BitTorrent", async () => {
    const page = await open("good");
    const map = page.locator("#traffic figure").first();
    expect(await page.locator("#traffic figcaption b").allInnerTexts()).toEqual([
      "coordinated",
      "bittorrent",
    ]);
    expect(await map.locator("rect title").count()).toBe(14 * 14);
    const first = await titleOf(map.locator("rect title"));
    expect(first).toBe(expectedTraffic("coordinated", "seed 1x"));

    await page.locator('#traffic [data-choice="policy"] label', { hasText: "cache 50" }).click();
    expect(await page.locator("#traffic figcaption b").allInnerTexts()).toEqual(["cache 50", "bittorrent"]);
    expect(await titleOf(map.locator("rect title"))).toBe(expectedTraffic("cache 50", "seed 1x"));
  });

  it("shows another variant in all charts that have one at a time", async () => {
    const page = await open("good");
    await page.locator('#crossings [data-choice="variant"] label', { hasText: "seed 4x" }).click();
    expect(await textOf(page.locator("#traffic figcaption small").first())).toBe("seed 4x, mean of 3");
    expect(await page.locator('#traffic [data-choice="variant"] input:checked').getAttribute("value")).toBe(
      "seed 4x",
    );
    expect(await titleOf(page.locator("#traffic figure").first().locator("rect title"))).toBe(
      expectedTraffic("coordinated", "seed 4x"),
    );
  });

  it("draws redundancy and completion over the leader percent", async () => {
    const page = await open("good");
    const figures = page.locator("#leader-percent figure");
    expect(await figures.locator("figcaption").allInnerTexts()).toEqual([
      "redundancy, seed 1x",
      "completion, seed 1x",
      "redundancy, seed 4x",
      "completion, seed 4x",
    ]);
    // cache 10, 20 and 50; once for redundancy, for p50 and for p90.
    expect(await figures.nth(0).locator("circle").count()).toBe(3);
    expect(await figures.nth(1).locator("circle").count()).toBe(6);
  });

  it("gives a policy one colour wherever it appears", async () => {
    const page = await open("good");
    const colours = async (policy: string) =>
      new Set(
        await Promise.all(
          [
            page.locator(`#summary tr[data-policy="${policy}"] svg.key line`).first(),
            page.locator("#legend button", { hasText: policy }).locator("line"),
            page.locator("#crossings figure", { hasText: policy }).locator("svg.key line"),
            page
              .locator(`#completion [aria-label="${policy}"] path, #completion path[aria-label="${policy}"]`)
              .first(),
          ].map((place) => place.evaluate(strokeOf)),
        ),
      );
    const all = await Promise.all(POLICIES.map(colours));
    for (const one of all) expect(one.size).toBe(1);
    expect(new Set(all.flatMap((one) => [...one])).size).toBe(POLICIES.length);
  });

  it("marks partial, failed and machine-limited cells, and says why", async () => {
    const page = await open("troubled");
    expect(await textOf(page.locator("p.warning").first())).toBe(
      "This run is partial: not all cells ran to their end.",
    );
    const rows = await page.locator("#faults tbody tr").allInnerTexts();
    expect(rows.map((row) => row.split("\t").slice(0, 6))).toEqual([
      ["bittorrent", "seed 1x", "2", "machine-limited", "701/701", "event-loop lag p99 144 ms"],
      ["cache 10", "seed 1x", "3", "partial", "411/701", "ended by SIGINT"],
      ["multi 2", "seed 1x", "2", "failed", "1/701", "worker 1 ended with exit code 134"],
      ["cache 20", "seed 4x", "1", "machine-limited", "701/701", "event-loop lag p99 144 ms"],
    ]);
    const marks = page.locator(`#summary tr[data-policy="cache 10"][data-variant="seed 1x"] .mark`);
    expect(await marks.allInnerTexts()).toEqual(["1 partial"]);
    await page.locator("summary", { hasText: "Escapes: 2" }).click();
    expect(await textOf(page.locator("#escapes tbody tr").first())).toContain("no grant within 15 s");
  });

  it("lets charts stand beside each other, with axes that can be read, whatever is written above and beside them", async () => {
    const page = await open("small", { viewport: { width: 1280, height: 900 } });
    const crossings = page.locator("#crossings figure");
    const captions = await heightsOf(crossings.locator("figcaption"));
    expect(new Set(captions).size, "one caption takes two lines").toBe(2);
    const bottoms = await crossings.locator(".plot > *").evaluateAll(bottomsOf);
    expect(bottoms).toEqual(new Array(3).fill(bottoms[0]));
    const ticks = crossings.first().locator("[aria-label='y-axis tick label'] text");
    expect(await ticks.allTextContents()).toEqual(["0.1", "0.3", "1"]);

    const map = page.locator("#traffic figure").first();
    const legend = map.locator(".traffic > svg").first().locator(".tick text");
    expect(await legend.allTextContents()).toEqual(["0.2", "0.5", "1", "2", "5"]);
    const corner = await map.locator("svg text", { hasText: "from" }).first().boundingBox();
    expect(corner?.x).toBeGreaterThanOrEqual((await map.boundingBox())?.x ?? Number.NaN);
  });

  it("shows its tables whole on a screen of 1280 pixels", async () => {
    const page = await open("troubled", { viewport: { width: 1280, height: 900 } });
    for (const id of ["summary", "details"]) {
      const table = await page.locator(`#${id}`).boundingBox();
      const place = await page.locator(`.scroll:has(#${id})`).boundingBox();
      expect(table?.width, id).toBeLessThanOrEqual(place?.width ?? 0);
    }
  });

  it("fits a phone: only tables scroll sideways, and within themselves", async () => {
    const page = await open("good", { viewport: { width: 390, height: 844 } });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    const chart = await page.locator("#completion figure svg").first().boundingBox();
    expect(chart?.width).toBeLessThanOrEqual(390);
  });

  it("draws its charts anew for another width", async () => {
    const page = await open("good");
    const chart = page.locator("#completion figure svg[aria-label^='Completion']").first();
    const wide = Number(await chart.getAttribute("width"));
    await page.setViewportSize({ width: 390, height: 844 });
    await expect.poll(async () => Number(await chart.getAttribute("width"))).toBeLessThan(wide);
  });

  it("is dark where the reader's system is", async () => {
    const background = (page: Page) => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await background(await open("good", { colorScheme: "light" }));
    await opened?.page.context().close();
    const dark = await background(await open("good", { colorScheme: "dark" }));
    expect(light).toBe("rgb(255, 255, 255)");
    expect(dark).not.toBe(light);
  });

  it("has its tables without scripts, too", async () => {
    const page = await open("good", { javaScriptEnabled: false });
    expect(await page.locator("#summary tr[data-policy]").count()).toBe(16);
    expect(await textOf(page.locator("noscript").first())).toContain("The charts need scripts");
  });

  it("runs and fetches nothing that stands in names and reasons", async () => {
    const page = await open("hostile");
    expect(await page.locator("img").count()).toBe(0);
    expect(await textOf(page.locator("#summary tbody th[scope=row]").first())).toContain(HOSTILE);
    expect(await textOf(page.locator("#crossings figcaption b").first())).toBe(HOSTILE);
    expect(await textOf(page.locator("dl code"))).toBe(HOSTILE);
  });
});

function cellsOf(label: string, variant: string): CellResult[] {
  return REPORT.cells.filter((cell) => cell.policy.label === label && cell.variant === variant);
}

function meanOf(cells: readonly CellResult[], figure: (cell: CellResult) => number | null): number {
  return cells.reduce((sum, cell) => sum + (figure(cell) ?? Number.NaN), 0) / cells.length;
}

/** What the map's first field says: the first AS, to itself. */
function expectedTraffic(label: string, variant: string): string {
  const copies =
    meanOf(cellsOf(label, variant), (cell) => cell.trafficByAs[0]?.[0] ?? 0) / REPORT.contentBytes;
  return `AS 64501 to AS 64501: ${Number(copies.toPrecision(4))} copies`;
}

/** Runs in the page. */
function strokeOf(element: unknown): string {
  const page = globalThis as unknown as { getComputedStyle(of: unknown): { stroke: string } };
  return page.getComputedStyle(element).stroke;
}

/** What the reader sees of it. */
async function textOf(place: Locator): Promise<string | undefined> {
  return (await place.allInnerTexts())[0];
}

/** That of both charts of completions. */
async function expectAxis(page: Page, label: string): Promise<void> {
  expect(await page.locator("#completion figure svg text", { hasText: label }).count()).toBe(2);
}

function heightsOf(places: Locator): Promise<number[]> {
  return places.evaluateAll((all) =>
    all.map((one) => Math.round((one as unknown as Box).getBoundingClientRect().height)),
  );
}

/** Runs in the page. */
function bottomsOf(all: readonly unknown[]): number[] {
  return all.map((one) => Math.round((one as Box).getBoundingClientRect().bottom));
}

interface Box {
  getBoundingClientRect(): { readonly height: number; readonly bottom: number };
}

function titleOf(titles: Locator): Promise<string | null> {
  return titles.first().textContent();
}

function firstLine(text: string | undefined): string {
  return text?.split("\n")[0] ?? "";
}

/** All swarms of the first variant had an AS cut off. Peers joined half a minute after the start. */
function faultyReport(): TestbedReport {
  const fault = { what: "AS 64502 cut off", whom: ["border2"], atMs: 40_000, healedMs: 60_000 };
  const cells = REPORT.cells.map((cell): CellResult => {
    const since = { ...cell, completedAtMs: cell.completionsMs.map((ms) => ms + 30_000) };
    return cell.variant === "seed 1x" ? { ...since, faults: [fault] } : since;
  });
  return { ...REPORT, cells };
}

/** Three ASes under three policies, no variants; the machine did not keep up with one of them. */
function smallReport(): TestbedReport {
  const limited = { isMachineLimited: true, eventLoopLagP99Ms: 144 };
  const trafficByAs = [
    [0, 0, 0],
    [600, 28_000, 800],
    [600, 800, 28_000],
  ];
  const cells = [BITTORRENT, CACHE_50, { label: "coordinated", name: "coordinated" } as const].map((policy) =>
    cellOf(policy, { trafficByAs, ...(policy.name === "coordinated" ? limited : {}) }),
  );
  return reportOf(cells, { contentBytes: 4000 });
}

function hostileReport(): TestbedReport {
  const cells = REPORT.cells.map((cell) => ({
    ...cell,
    policy: { ...cell.policy, label: cell.policy.label === "bittorrent" ? HOSTILE : cell.policy.label },
    variant: HOSTILE,
    why: HOSTILE,
  }));
  const ases = REPORT.ases.map((as) => ({ ...as, name: `${HOSTILE}${as.asn}` }));
  const texts = { scenario: HOSTILE, about: HOSTILE, command: HOSTILE, machine: HOSTILE, madeAt: HOSTILE };
  return { ...REPORT, ...texts, ases, cells };
}
