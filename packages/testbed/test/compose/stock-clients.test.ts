import { expect, test } from "vitest";
import { planCompose } from "../../src/compose/compose-plan.ts";
import { stockSetup } from "../../src/compose/stock-clients.ts";
import { cellOf, composeScenario } from "./support.ts";

function setups(down = "") {
  const read = composeScenario({
    ases: `[{ peers: 1, up: 250kB/s${down}, stock: { aria2: 1, transmission: 1 } }]`,
  });
  const [aria2, transmission] = planCompose(read, cellOf(read)).stock.map((client) =>
    stockSetup(client, "/torrent/content.torrent"),
  );
  if (!aria2 || !transmission) throw new Error("a client is missing");
  return { aria2, transmission, settings: JSON.parse(transmission.files["settings.json"] ?? "") };
}

test("a stock client has the rates of its AS's peers, and its own address", () => {
  const { aria2, settings } = setups(", down: 1MB/s");
  expect(aria2.command).toEqual(
    expect.arrayContaining([
      "--interface=198.18.1.12",
      "--max-overall-upload-limit=250000",
      "--max-overall-download-limit=1000000",
    ]),
  );
  expect(settings).toMatchObject({
    "bind-address-ipv4": "198.18.1.13",
    "speed-limit-up": 250,
    "speed-limit-down": 1000,
  });
});

test("without a limit there is none", () => {
  const { aria2, settings } = setups();
  expect(aria2.command.join(" ")).not.toContain("download-limit");
  expect(settings).not.toHaveProperty("speed-limit-down");
});

test("each tells when it is complete by a hook that writes into its own folder, in one step", () => {
  const { aria2, settings, transmission } = setups();
  expect(aria2.command).toContain("--on-bt-download-complete=/config/completed.sh");
  expect(settings["script-torrent-done-filename"]).toBe("/config/completed.sh");
  for (const { files } of [aria2, transmission])
    expect(files["completed.sh"]).toMatch(/^#!\/bin\/sh\ndate \+%s%3N > (\S+)\.new && mv \1\.new \1\n$/);
});
