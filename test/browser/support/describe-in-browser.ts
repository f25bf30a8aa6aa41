import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe } from "vitest";

/** Debian's; the tests download no browser. */
const CHROMIUM = "/usr/bin/chromium";

/** Tests in a browser: left out, by name and with the reason, where there is none. */
export function describeInBrowser(name: string, tests: (browser: () => Browser) => void): void {
  if (!existsSync(CHROMIUM)) {
    const reason = "not installed: chromium";
    console.warn(`left out: ${name}: ${reason}`);
    const withoutOne = () => tests(noBrowser);
    describe.skip(`${name} (left out: ${reason})`, withoutOne);
    return;
  }
  describe(name, () => {
    let browser: Browser | undefined;

    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: CHROMIUM });
    });

    afterAll(() => browser?.close());

    tests(() => browser ?? noBrowser());
  });
}

function noBrowser(): never {
  throw new Error("the browser did not start");
}
