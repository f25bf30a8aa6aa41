import { expect, test } from "vitest";
import { siblingUrl } from "../src/announcing/tracker-url.ts";
import { shownUrl } from "../src/outbound/shown-url.ts";

test.each([
  ["http://t.example/announce", "http://t.example/scrape"],
  ["http://t.example/x/announce", "http://t.example/x/scrape"],
  ["http://t.example/announce.php", "http://t.example/scrape.php"],
  ["http://t.example/announce?x2%0644", "http://t.example/scrape?x2%0644"],
  ["http://t.example/TOKEN/announce?a=b/announce", "http://t.example/TOKEN/scrape?a=b/announce"],
  ["http://[::1]:80/announce", "http://[::1]/scrape"],
  ["http://t.example/a", undefined],
  ["http://t.example/announce?x=2/4", "http://t.example/scrape?x=2/4"],
  ["http://t.example/x%064announce", undefined],
  ["no URL", undefined],
])("the scrape URL of %s is %s (BEP 48)", (announceUrl, scrapeUrl) => {
  expect(siblingUrl(announceUrl, "scrape")).toBe(scrapeUrl);
});

test.each([
  ["http://t.example/announce", "http://t.example/announce"],
  ["http://t.example:8080/T0KEN/announce", "http://t.example:8080/…/announce"],
  ["http://u:p@t.example/announce?passkey=1", "http://t.example/announce?…"],
  ["http://t.example/announce/T0KEN", "http://t.example/…"],
  ["http://t.example/announce.php", "http://t.example/announce.php"],
  ["http://t.example", "http://t.example/"],
  ["udp://t.example:6969/announce", "udp://t.example:6969/announce"],
  ["no URL", "(malformed URL)"],
])("%s is shown as %s", (url, shown) => {
  expect(shownUrl(url)).toBe(shown);
});
