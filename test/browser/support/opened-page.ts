import type { Browser, BrowserContextOptions, Page } from "playwright-core";

/** A page opened from disk, and what a page that needs nothing but itself does not do. */
export interface OpenedPage {
  readonly page: Page;
  /** What it asked for, but for itself and what it has inside (`data:`). */
  readonly requests: readonly string[];
  /** Console messages of all kinds, and exceptions. */
  readonly complaints: readonly string[];
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const context = await browser.newContext(options);
  const requests: string[] = [];
  const complaints: string[] = [];
  context.on("request", (request) => {
    const asked = request.url();
    if (asked !== url && !asked.startsWith("data:")) requests.push(asked);
  });
  context.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  context.on("weberror", (error) => complaints.push(String(error.error())));
  const page = await context.newPage();
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    return dialog.dismiss();
  });
  await page.goto(url, { waitUntil: "load" });
  return { page, requests, complaints };
}
