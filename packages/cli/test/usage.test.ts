import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { TRACKER } from "./support/release.ts";
import { call, run, temporaryFolder } from "./support/run.ts";

describe("usage", () => {
  test("--help shows the commands and an example, and is no failure", async () => {
    const { exitCode, stdout } = await run(["--help"]);
    expect(exitCode).toBe(0);
    for (const command of ["tracker", "peer", "create", "info", "verify", "as", "testbed"])
      expect(stdout).toContain(`  ${command} `);
    expect(stdout).toContain("Examples:");
  });
  test("every command explains itself with an example", async () => {
    for (const command of ["tracker", "peer", "create", "info", "verify", "as", "testbed"]) {
      const { exitCode, stdout } = await call([command, "--help"]);
      expect(exitCode, command).toBe(0);
      expect(stdout, command).toMatch(/Examples?:\n/);
    }
  });
  test("help shows each daemon's own port, and every default in the same way", async () => {
    const helpOf = async (command: string) =>
      (await call([command, "--help"])).stdout.replaceAll(/\s+/g, " ");
    const tracker = await helpOf("tracker");
    const peer = await helpOf("peer");
    const verify = await helpOf("verify");
    expect(tracker).toContain('such as "listen: 0.0.0.0:6969"');
    expect(tracker).not.toContain("6881");
    expect(tracker).toContain("(default: none, the deadline alone counts)");
    expect(peer).toContain('such as "listen: 0.0.0.0:6881"');
    expect(peer).toContain("(default: .)");
    expect(verify).toContain("(default: .)");
  });
  test.each([
    ["no command", [], /Usage:/],
    ["an unknown command", ["pere"], /unknown command 'pere' \(did you mean peer\?\)/],
    [
      "an unknown option",
      ["tracker", "--polcy", "biased"],
      /unknown option '--polcy' \(did you mean --policy\?\)/,
    ],
    ["an option like none", ["remove", "--all"], /unknown option '--all'$/m],
    ["the beginning of an option", ["tracker", "--external", "3"], /\(did you mean --external-percent\?\)/],
    ["an option without its value", ["tracker", "--policy"], /argument missing/],
    ["an unknown policy", ["tracker", "--policy", "biasd"], /did you mean biased\?/],
    ["a tracker's address of another form", ["tracker", "--listen", "6969"], /such as 0\.0\.0\.0:6969: 6969/],
    ["a peer without a torrent", ["peer"], /name at least one \.torrent file/],
    ["a torrent that is not there", ["peer", "absent.torrent"], /absent\.torrent/],
    ["a torrent's URL", ["peer", "http://h/x.torrent"], /http:\/\/h\/x\.torrent: URLs are not fetched/],
    [
      "a web seed without a scheme",
      ["peer", "x.torrent", "--web-seed", "127.0.0.1:80"],
      /--web-seed: must be an http or https URL such as .*, not "127\.0\.0\.1:80"/,
    ],
    [
      "a node of the DHT without a port",
      ["peer", "x.torrent", "--dht-bootstrap", "127.0.0.1"],
      /--dht-bootstrap: must be a host and port such as .*, not "127\.0\.0\.1"/,
    ],
    ["a host's name to listen at", ["peer", "x.torrent", "--listen", "localhost:1"], /not an IP address and/],
    ["a tracker with a word too many", ["tracker", "word"], /too many arguments/],
    ["create without a tracker", ["create", "."], /--tracker <URL>/],
    ["a tracker's address that is none", ["create", ".", "--tracker", "nowhere"], /not a tracker's address/],
    [
      "a web seed that is none",
      ["create", ".", "--tracker", TRACKER, "-o", "absent.torrent", "--web-seed", "ftp://a/"],
      /web seed "ftp:\/\/a\/": must be an http or https URL/,
    ],
    ["as without a table", ["as", "1.1.1.1"], /--as-prefix, --as-table or --route-db/],
    ["as of what is no address", ["as", "here", "--as-prefix", "10.0.0.0/8=1"], /here is no IP address/],
    ["watch without a number of peers", ["testbed", "watch", "x.torrent", "."], /--peers <N>/],
    [
      "run without a scenario",
      ["testbed", "run"],
      /\(cachetorrent testbed run --help explains its options\)/,
    ],
    ["a configuration file that is not there", ["tracker", "--config", "absent.yaml"], /absent\.yaml/],
  ])("%s exits with 2 and says why", async (_what, args, message) => {
    const { exitCode, stderr, stdout } = await call(args, { cwd: await temporaryFolder() });
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
  });
  test("works through a symbolic link, from any folder", async () => {
    const folder = await temporaryFolder();
    await symlink(new URL("../bin/cachetorrent", import.meta.url).pathname, join(folder, "link"));
    const { exitCode, stdout } = await run(["--version"], { cwd: folder, bin: join(folder, "link") });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(exitCode).toBe(0);
  });
});
