import { LIMITS } from "@cachetorrent/protocol";
import type { ScenarioPolicy, ScenarioVariant } from "../scenario/scenario.ts";
import type { PlannedPeer } from "../topology.ts";
import {
  asGateway,
  asPrefix,
  borderInside,
  borderOutside,
  CORE_ADDRESS,
  INTERNET_GATEWAY,
  INTERNET_PREFIX,
  PEER_PORT,
  TRACKER_PORT,
} from "./addresses.ts";
import type { ComposeAs, ComposePlan, PlannedStock } from "./compose-plan.ts";
import { stockSetup } from "./stock-clients.ts";
import { tcRate } from "./tc-rate.ts";

/** What services are made of beside the plan. */
export interface ComposeSettings {
  readonly policy: ScenarioPolicy;
  readonly variant: ScenarioVariant;
  /** The content's name in the torrent, and where it is: a path of the host, absolute or relative to the compose file. */
  readonly content: { readonly name: string; readonly source: string };
  /** `UID:GID` of whoever owns the folders that containers write to. */
  readonly user: string;
  /**
   * For a run, which reads what peers print as JSON, and opens gates: those other than initial seeds wait for a file of their name in
   * `./gates`. By hand there is nobody to open them, and logs are read by people.
   */
  readonly isForRun: boolean;
}

/** A compose file, as far as we write it. Strings may have `$` for compose to fill in; what comes from a scenario has none. */
export interface ComposeDocument {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, unknown>>;
}

export interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly [key: string]: unknown;
}

export const TORRENT_FILE = "/torrent/content.torrent";
/** Elections wait for all candidates, so that ranks decide: the deadline is for those that fail to come at all. */
const QUORUM_DEADLINE_S = 60;
const ROUTER = { user: "0:0", cap_drop: ["ALL"], cap_add: ["NET_ADMIN"] };
/**
 * Docker Engine 28 and newer drop a packet for a container that comes over another network than the container's own, as all do here
 * that pass a border, unless this says otherwise. Older ones ignore it.
 */
const OPEN = { "com.docker.network.bridge.gateway_mode_ipv4": "nat-unprotected" };
/** The image's own check starts a process now and then in every container: dozens of them would be part of what is measured. */
const UNCHECKED = { healthcheck: { disable: true }, stop_grace_period: "3s" };

/** A core, the tracker, a border for each AS, the peers and the stock clients, in the networks that docs/testbed.md tells of. */
export function composeDocument(plan: ComposePlan, settings: ComposeSettings): ComposeDocument {
  const services: Record<string, Service> = { core: core(plan), tracker: tracker(plan, settings) };
  for (const one of plan.ases) services[borderService(one.place)] = border(one);
  for (const peer of plan.peers) services[peer.name] = peerService(peer, plan, settings);
  for (const client of plan.stock) services[client.name] = stockService(client, settings);
  const networks: Record<string, unknown> = {
    internet: {
      driver: "bridge",
      driver_opts: OPEN,
      ipam: { config: [{ subnet: INTERNET_PREFIX, gateway: INTERNET_GATEWAY }] },
    },
  };
  for (const { place } of plan.ases) {
    networks[networkOf(place)] = {
      driver: "bridge",
      driver_opts: {
        ...OPEN,
        // The host takes no address there: the gateway's is the border's.
        "com.docker.network.bridge.inhibit_ipv4": "true",
      },
      ipam: { config: [{ subnet: asPrefix(place), gateway: asGateway(place) }] },
    };
  }
  return { services, networks };
}

export function borderService(place: number): string {
  return `border${place}`;
}

/** The file of a border's counters, as `testbed watch` looks for it. */
export function countersName(asn: number): string {
  return `border-${asn}.jsonl`;
}

const image = `\${CACHETORRENT_IMAGE:-cachetorrent}`;
const stockImage = `\${CACHETORRENT_STOCK_IMAGE:-cachetorrent-stock}`;

function networkOf(place: number): string {
  return `as${place}`;
}

function core({ ases }: ComposePlan): Service {
  return {
    image,
    command: ["core"],
    ...ROUTER,
    ...UNCHECKED,
    sysctls: { "net.ipv4.ip_forward": "1" },
    environment: { ROUTES: ases.map(({ place }) => `${asPrefix(place)}=${borderOutside(place)}`).join(" ") },
    networks: { internet: { ipv4_address: CORE_ADDRESS } },
    ports: [`127.0.0.1:\${TRACKER_PORT:-${TRACKER_PORT}}:${TRACKER_PORT}`],
  };
}

function tracker({ quorum }: ComposePlan, { isForRun, policy, user }: ComposeSettings): Service {
  return {
    image,
    command: [
      "tracker",
      ...["--listen", `0.0.0.0:${TRACKER_PORT}`],
      ...["--as-table", "/tracker/as-table.txt"],
      ...["--state", "/tracker/state"],
      ...["--policy", policy.name],
      ...Object.entries(policy.trackerSettings).flatMap(([key, value]) => [`--${key}`, String(value)]),
      ...["--quorum", String(quorum)],
      ...["--deadline", String(QUORUM_DEADLINE_S)],
    ],
    user,
    cap_drop: ["ALL"],
    network_mode: "service:core",
    volumes: [bind("./tracker", "/tracker")],
    depends_on: { core: started },
    ...UNCHECKED,
    // A run asks the tracker itself, and starts the others when it answers.
    ...(isForRun ? {} : { healthcheck: { interval: "5s", timeout: "5s", retries: 12 } }),
  };
}

function border({ asn, linkIn, linkOut, place }: ComposeAs): Service {
  return {
    image,
    command: ["border"],
    ...ROUTER,
    ...UNCHECKED,
    sysctls: { "net.ipv4.ip_forward": "1" },
    environment: {
      AS_PREFIX: asPrefix(place),
      AS_GATEWAY: asGateway(place),
      VIA: CORE_ADDRESS,
      RATE_IN: tcRate(linkIn),
      RATE_OUT: tcRate(linkOut),
      COUNTERS: `/counters/${countersName(asn)}`,
    },
    networks: {
      [networkOf(place)]: { ipv4_address: borderInside(place) },
      internet: { ipv4_address: borderOutside(place) },
    },
    volumes: [bind("./counters", "/counters")],
    depends_on: { core: started },
  };
}

function peerService(peer: PlannedPeer, plan: ComposePlan, settings: ComposeSettings): Service {
  const { connections, numwant } = settings.variant;
  const { name, source } = settings.content;
  const place = placeOf(plan, peer.asn);
  const hasGate = settings.isForRun && !peer.isInitialSeed;
  return {
    image,
    command: [
      ...["peer", TORRENT_FILE],
      ...["--dir", "/data"],
      ...["--listen", `${peer.address}:${PEER_PORT}`],
      ...["--limit-up", rate(peer.up)],
      ...(Number.isFinite(peer.down) ? ["--limit-down", rate(peer.down)] : []),
      ...["--ledger", `/accounts/${peer.name}.json`],
      ...["--numwant", String(numwant)],
      ...(connections === LIMITS.peer.connectionsPerTorrent
        ? []
        : ["--max-connections-torrent", String(connections)]),
      ...(hasGate ? ["--start-when", `/gates/${peer.name}`] : []),
      ...["--log-level", "warn"],
      ...(settings.isForRun ? ["--json"] : []),
    ],
    user: settings.user,
    cap_drop: ["ALL"],
    ...UNCHECKED,
    networks: { [networkOf(place)]: { ipv4_address: peer.address } },
    // What a peer has verified it remembers in /data, too. The image's own is not for this user to write to.
    ...(peer.isInitialSeed ? { tmpfs: [`/data:${ownedBy(settings.user)}`] } : {}),
    volumes: [
      bind("./torrent", "/torrent", true),
      bind("./accounts", "/accounts"),
      ...(hasGate ? [bind("./gates", "/gates", true)] : []),
      peer.isInitialSeed ? bind(source, `/data/${name}`, true) : bind(`./data/${peer.name}`, "/data"),
    ],
    depends_on: {
      tracker: settings.isForRun ? started : healthy,
      [borderService(place)]: started,
    },
  };
}

function stockService(client: PlannedStock, settings: ComposeSettings): Service {
  return {
    image: stockImage,
    command: stockSetup(client, TORRENT_FILE).command,
    user: settings.user,
    cap_drop: ["ALL"],
    ...UNCHECKED,
    environment: { HOME: "/config" },
    networks: { [networkOf(client.place)]: { ipv4_address: client.address } },
    volumes: [
      bind("./torrent", "/torrent", true),
      bind(`./stock/${client.name}`, "/config"),
      bind(`./data/${client.name}`, "/data"),
    ],
    depends_on: {
      tracker: settings.isForRun ? started : healthy,
      [borderService(client.place)]: started,
    },
  };
}

const started = { condition: "service_started" };
const healthy = { condition: "service_healthy" };

/** In the long form: a colon in a path would end it in the short one. */
function bind(source: string, target: string, isReadOnly = false) {
  const plain = (path: string) => path.replaceAll("$", "$$$$");
  return {
    type: "bind",
    source: plain(source),
    target: plain(target),
    ...(isReadOnly ? { read_only: true } : {}),
  };
}

/** `UID:GID` as options of a tmpfs. */
function ownedBy(user: string): string {
  const [uid, gid] = user.split(":");
  return `uid=${uid},gid=${gid}`;
}

function placeOf({ ases }: ComposePlan, asn: number): number {
  return ases.find((one) => one.asn === asn)?.place ?? 0;
}

function rate(bytesPerSecond: number): string {
  return `${Math.round(bytesPerSecond)}B/s`;
}
