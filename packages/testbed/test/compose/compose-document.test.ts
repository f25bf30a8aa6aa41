import { describe, expect, it, test } from "vitest";
import { parse } from "yaml";
import { asTable } from "../../src/compose/as-table.ts";
import { composeDocument, type Service } from "../../src/compose/compose-document.ts";
import { planCompose } from "../../src/compose/compose-plan.ts";
import { composeText } from "../../src/compose/compose-text.ts";
import { tcRate } from "../../src/compose/tc-rate.ts";
import type { Scenario } from "../../src/scenario/scenario.ts";
import { cellOf, composeScenario } from "./support.ts";

function documentOf(read: Scenario = composeScenario(), policy = "coordinated", isForRun = false) {
  const cell = cellOf(read, policy);
  return composeDocument(planCompose(read, cell), {
    ...cell,
    content: { name: "film", source: "./content/film" },
    user: "10:20",
    isForRun,
  });
}

function service(name: string, read?: Scenario): Service {
  const found = documentOf(read).services[name];
  if (!found) throw new Error(`no service ${name}`);
  return found;
}

describe("the compose document of a scenario", () => {
  it("has a border and a network for each AS, the tracker in the core's network, and peers by their names", () => {
    const { networks, services } = documentOf();
    expect(Object.keys(services)).toEqual([
      "core",
      "tracker",
      "border1",
      "border2",
      "border3",
      "seed-3-1",
      "peer-1-1",
      "peer-1-2",
      "peer-2-1",
      "aria2-2-1",
      "transmission-2-1",
    ]);
    expect(Object.keys(networks)).toEqual(["internet", "as1", "as2", "as3"]);
    expect(services.tracker).toMatchObject({ network_mode: "service:core" });
  });

  it("has Docker let packets of other networks into each of its own, as those are that pass a border", () => {
    const option = "com.docker.network.bridge.gateway_mode_ipv4";
    for (const [name, network] of Object.entries(documentOf().networks))
      expect({ name, network }).toMatchObject({
        name,
        network: { driver_opts: { [option]: "nat-unprotected" } },
      });
  });

  it("leads every AS to the others through its border, and every border through the core", () => {
    expect(service("core").environment).toEqual({
      ROUTES: "198.18.1.0/24=198.19.0.11 198.18.2.0/24=198.19.0.12 198.18.3.0/24=198.19.0.13",
    });
    expect(service("border1")).toMatchObject({
      environment: {
        AS_PREFIX: "198.18.1.0/24",
        AS_GATEWAY: "198.18.1.1",
        VIA: "198.19.0.2",
        RATE_IN: "20mbit",
        RATE_OUT: "1mbit",
        COUNTERS: "/counters/border-64501.jsonl",
      },
      networks: { as1: { ipv4_address: "198.18.1.2" }, internet: { ipv4_address: "198.19.0.11" } },
    });
    expect(service("border2").environment).toMatchObject({ RATE_IN: "", RATE_OUT: "" });
  });

  it("starts a peer with its rates, at its own address in its AS", () => {
    const peer = service("peer-1-2");
    expect(peer.command.join(" ")).toBe(
      "peer /torrent/content.torrent --dir /data --listen 198.18.1.12:6881 --limit-up 500000B/s --limit-down 2000000B/s --ledger /accounts/peer-1-2.json --numwant 50 --log-level warn",
    );
    expect(peer).toMatchObject({
      user: "10:20",
      cap_drop: ["ALL"],
      networks: { as1: { ipv4_address: "198.18.1.12" } },
    });
    const bounded = composeScenario({ neighbours: "{ numwant: 7, connections: 9 }" });
    expect(service("peer-1-2", bounded).command.join(" ")).toContain(
      " --numwant 7 --max-connections-torrent 9 ",
    );
  });

  it("has peers print JSON for a run, and words for who brings them up by hand", () => {
    for (const name of ["peer-1-2", "seed-3-1"]) {
      expect(documentOf().services[name]?.command).not.toContain("--json");
      expect(documentOf(undefined, undefined, true).services[name]?.command).toContain("--json");
    }
  });

  it("has a peer wait at its gate, where there is somebody to open it, and an initial seed never", () => {
    const { "peer-1-2": peer, "seed-3-1": seed } = documentOf(undefined, undefined, true).services;
    expect(peer?.command.join(" ")).toContain(" --start-when /gates/peer-1-2 ");
    expect(peer?.volumes).toContainEqual({
      type: "bind",
      source: "./gates",
      target: "/gates",
      read_only: true,
    });
    expect(seed?.command).not.toContain("--start-when");
  });

  it("gives the content to the initial seed, to read only", () => {
    expect(service("seed-3-1").volumes).toContainEqual({
      type: "bind",
      source: "./content/film",
      target: "/data/film",
      read_only: true,
    });
    expect(service("peer-1-1").volumes).toContainEqual({
      type: "bind",
      source: "./data/peer-1-1",
      target: "/data",
    });
  });

  it("gives every peer a /data that its user can write to, for what it has verified is remembered there", () => {
    expect(service("seed-3-1").tmpfs).toEqual(["/data:uid=10,gid=20"]);
    const { services } = documentOf();
    for (const [name, { tmpfs, volumes }] of Object.entries(services).filter(([, one]) =>
      one.command.includes("/data"),
    )) {
      const bound = (volumes as { target: string; read_only?: boolean }[]).filter(
        ({ read_only, target }) => target === "/data" && !read_only,
      );
      expect({ name, places: bound.length + (tmpfs === undefined ? 0 : 1) }).toEqual({ name, places: 1 });
    }
  });

  it("gives the tracker the policy, its numbers, and how many candidates to wait for", () => {
    const words = service("tracker").command.join(" ");
    expect(words).toContain("--policy coordinated --leader-percent 25 --quorum 4 --deadline 60");
    expect(documentOf(undefined, "bittorrent").services.tracker?.command).not.toContain("--leader-percent");
  });

  it("has Docker ask whether the tracker is well where others wait for that, and starts nothing of the kind in a run", () => {
    for (const isForRun of [false, true]) {
      const { services } = documentOf(undefined, undefined, isForRun);
      for (const [name, { healthcheck }] of Object.entries(services)) {
        const isChecked = name === "tracker" && !isForRun;
        expect({ name, healthcheck }).toEqual({
          name,
          healthcheck: isChecked ? { interval: "5s", timeout: "5s", retries: 12 } : { disable: true },
        });
      }
      for (const name of ["peer-1-2", "seed-3-1", "aria2-2-1"])
        expect(services[name]).toMatchObject({
          depends_on: { tracker: { condition: isForRun ? "service_started" : "service_healthy" } },
        });
    }
  });

  it("lets nothing but routers have a capability, and those only the network's", () => {
    for (const [name, { cap_add, cap_drop, user }] of Object.entries(documentOf().services)) {
      const isRouter = name === "core" || name.startsWith("border");
      expect({ name, cap_add, cap_drop, user }).toEqual({
        name,
        cap_add: isRouter ? ["NET_ADMIN"] : undefined,
        cap_drop: ["ALL"],
        user: isRouter ? "0:0" : "10:20",
      });
    }
  });

  it("publishes the tracker on the machine itself only, and nothing else", () => {
    const published = Object.entries(documentOf().services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name, { ports }]) => [name, ports])).toEqual([
      ["core", [`127.0.0.1:\${TRACKER_PORT:-6969}:6969`]],
    ]);
  });

  it("lets a path with a dollar sign or a colon be a path", () => {
    const read = composeScenario();
    const cell = cellOf(read);
    const { services } = composeDocument(planCompose(read, cell), {
      ...cell,
      content: { name: "a:b", source: "/srv/$HOME/a:b" },
      user: "1:1",
      isForRun: false,
    });
    expect(services["seed-3-1"]?.volumes).toContainEqual(
      expect.objectContaining({ source: "/srv/$$HOME/a:b", target: "/data/a:b" }),
    );
  });
});

describe("the text of a compose file", () => {
  it("says what it is, and reads back as the document, in YAML 1.1 as in 1.2", () => {
    const document = documentOf();
    const text = composeText(document, ["sites: what for\nin two lines", "Written by: x"]);
    expect(text.split("\n").slice(0, 5)).toEqual([
      "# sites: what for",
      "# in two lines",
      "# Written by: x",
      "",
      "services:",
    ]);
    for (const schema of ["core", "yaml-1.1"])
      expect(parse(text, { schema })).toEqual(JSON.parse(JSON.stringify(document)));
  });
});

test("addresses are the contract: ASes by place, hosts from .11 on, stock clients after the peers", () => {
  const plan = planCompose(composeScenario(), cellOf(composeScenario()));
  expect(plan.peers.map(({ address, name }) => `${name} ${address}`)).toEqual([
    "seed-3-1 198.18.3.11",
    "peer-1-1 198.18.1.11",
    "peer-1-2 198.18.1.12",
    "peer-2-1 198.18.2.11",
  ]);
  expect(plan.stock.map(({ address, name }) => `${name} ${address}`)).toEqual([
    "aria2-2-1 198.18.2.12",
    "transmission-2-1 198.18.2.13",
  ]);
});

test("the tracker's table has a prefix for each AS, and a name that is no comment", () => {
  const plan = planCompose(composeScenario(), cellOf(composeScenario()));
  const [first, ...others] = plan.ases;
  if (!first) throw new Error("no AS");
  expect(asTable({ ases: [{ ...first, name: "north #1\nx" }, ...others] })).toBe(
    "# CIDR, AS number, name\n198.18.1.0/24 64501 north 1 x\n198.18.2.0/24 64502 south\n198.18.3.0/24 1 seed\n",
  );
});

test("rates are bits to tc, and no rate is no text", () => {
  expect([2_500_000, 125, 1, Number.POSITIVE_INFINITY].map(tcRate)).toEqual(["20mbit", "1kbit", "8bit", ""]);
});

describe("what containers have no room or time for is refused:", () => {
  it.each([
    ["another time scale", { "time-scale": "4" }, /two\.sites has time-scale 4: containers run in real time/],
    ["241 ASes", { ases: "[{ count: 240, peers: 1, up: 1MB/s }]" }, /has 241 ASes: at most 240/],
    [
      "241 hosts in an AS",
      {
        ases: "[{ name: big, asn: 1, peers: 239, up: 1MB/s, stock: { aria2: 1 } }]",
        seeds: "{ as: 1, up: 1MB/s }",
      },
      /has 241 hosts in big: at most 240/,
    ],
  ])("%s", (_what, keys, message) => {
    const read = composeScenario(keys);
    expect(() => planCompose(read, cellOf(read))).toThrow(message);
  });
});
