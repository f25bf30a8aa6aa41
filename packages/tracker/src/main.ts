import type { Clock, Random } from "@cachetorrent/clock";
import {
  CtError,
  type Endpoint,
  formatEndpoint,
  parseAddress,
  parseEndpoint,
  unwrap,
} from "@cachetorrent/protocol";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { AccessControl } from "./access-control.ts";
import { buildTracker } from "./app.ts";
import { CurrentAsKnowledge } from "./as-resolver/as-knowledge.ts";
import type { TrackerConfig } from "./config.ts";
import { addressSet, loadAccessLists, loadAsKnowledge, policiesOf } from "./load-config.ts";
import { policyWarnings } from "./policy-warnings.ts";
import { StateDirectory } from "./state-directory.ts";

/** How long requests in progress have to finish when the tracker stops. */
const STOP_MS = 2000;

/** A tracker that listens. */
export interface RunningTracker {
  /** Where: with the port that was picked, if 0 was asked for. */
  readonly endpoint: Endpoint;
  /**
   * Reads the allow-list, the tokens, the AS table and the route databases again. Peers keep the AS of their first
   * announce. All of what was in force stays if one of the files cannot be used.
   * @throws CtError CT_ERR_CONFIG or CT_ERR_AS_TABLE, naming the file.
   */
  reload(): Promise<void>;
  /** Answers what is open, saves and stops; idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts a tracker as configured.
 * @throws CtError CT_ERR_CONFIG, CT_ERR_AS_TABLE, CT_ERR_STATE, CT_ERR_PORT_TAKEN, CT_ERR_PERMISSION or CT_ERR_ADDRESS,
 *   naming the option or the file.
 */
export async function startTracker(
  config: TrackerConfig,
  { clock, random, log }: { readonly clock: Clock; readonly random: Random; readonly log: Logger },
): Promise<RunningTracker> {
  const wanted = unwrap(parseEndpoint(config.listen, { allowPortZero: true }));
  const state = config.state === undefined ? undefined : await StateDirectory.open(config.state, clock, log);
  const access = new AccessControl(await loadAccessLists(config));
  const resolver = new CurrentAsKnowledge(await loadAsKnowledge(config));
  const policies = policiesOf(config);
  const app = buildTracker({
    clock,
    random,
    log,
    access,
    ...(state ? { state: state.directory, saved: state.saved } : {}),
    policies,
    resolver,
    leaderPercent: config["leader-percent"],
    ...(config.quorum === undefined ? {} : { quorum: config.quorum }),
    deadlineMs: config.deadline * 1000,
    intervalMs: config.interval * 1000,
    peersPerAddress: config["peers-per-address"],
    peersInAll: config["peers-in-all"],
    trustedProxies: addressSet(config["trust-proxy"], "trust-proxy"),
    trustedNetworks: addressSet(config["trust-ip"], "trust-ip"),
  });
  const endpoint = await listen(app, wanted);
  const loaded = () => {
    const { prefixes, routes } = resolver;
    return { prefixes, routes, ...access.counts, swarmOverrides: policies.overrides.size };
  };
  log.info(
    { event: "started", endpoint: formatEndpoint(endpoint), policy: config.policy, ...loaded() },
    "tracker started",
  );
  const warn = () => {
    for (const warning of policyWarnings(config, policies, !resolver.isEmpty)) {
      log.warn({ event: "policy without effect" }, warning);
    }
  };
  warn();
  const reload = async () => {
    // All is read before any of it counts: a bad file leaves everything as it was.
    const [lists, knowledge] = await Promise.all([loadAccessLists(config), loadAsKnowledge(config)]);
    access.replace(lists);
    resolver.replace(knowledge);
    log.info(
      { event: "reloaded", ...loaded() },
      "allow-list, tokens, AS table and route databases read again",
    );
    warn();
  };
  let reloading = Promise.resolve();
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    // Who holds a request back doesn't hold us.
    const impatience = clock.after(STOP_MS, () => app.server.closeAllConnections());
    await app.close();
    impatience.cancel();
    log.info({ event: "stopped", endpoint: formatEndpoint(endpoint) }, "tracker stopped");
  };
  return {
    endpoint,
    reload: () => {
      // One after the other: a slow reading that began earlier must not replace what was read later.
      const mine = reloading.then(reload);
      reloading = mine.catch(() => undefined);
      return mine;
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

async function listen(app: FastifyInstance, { address, port }: Endpoint): Promise<Endpoint> {
  try {
    await app.listen({ host: address, port });
  } catch (cause) {
    await app.close();
    throw listenError(cause, formatEndpoint({ address, port }));
  }
  const bound = app.server.address();
  if (bound === null || typeof bound === "string") throw new Error("the server listens at no IP address");
  return { address: parseAddress(bound.address) ?? address, port: bound.port };
}

function listenError(cause: unknown, where: string): unknown {
  switch ((cause as NodeJS.ErrnoException).code) {
    case "EADDRINUSE":
      return new CtError("CT_ERR_PORT_TAKEN", `listen: ${where} is taken`, { cause });
    case "EACCES":
      return new CtError("CT_ERR_PERMISSION", `listen: not allowed to listen at ${where}`, { cause });
    case "EADDRNOTAVAIL":
      return new CtError("CT_ERR_ADDRESS", `listen: this machine has no address ${where}`, { cause });
    default:
      return cause;
  }
}
