import { CtError, parseAddress, parseEndpoint } from "@cachetorrent/protocol";
import type { FastifyRequest } from "fastify";
import { HttpError } from "./http-error.ts";
import { isToken } from "./token.ts";

/** What may be asked without the token: neither tells of any torrent. */
const OPEN = new Set(["/healthz", "/openapi.json"]);

/**
 * Lets nobody in whom a web page may have sent. A page can make its visitor's browser ask us, under a name that its owner lets point to
 * 127.0.0.1 (DNS rebinding): then `Host` has that name. And a page that asks across origins says so in `Origin`.
 */
export function admit(request: FastifyRequest, token: string): void {
  const { host, origin } = request.headers;
  if (host === undefined || !isLocalHost(host))
    throw new HttpError(403, refusal(`Host ${JSON.stringify(host ?? "")} is no name of this machine alone`));
  if (origin !== undefined && origin !== `http://${host}`)
    throw new HttpError(403, refusal(`web pages of ${JSON.stringify(origin)} may not ask here`));
  if (OPEN.has(request.routeOptions.url ?? "")) return;
  const [, given] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (given === undefined)
    throw new HttpError(401, refusal("the token is missing: send Authorization: Bearer TOKEN"));
  if (!isToken(given, token)) throw new HttpError(401, refusal("this is not the token of this daemon"));
}

/** Is `HOST` or `HOST:PORT` this machine, whoever resolves it? By any port: it may be forwarded. */
function isLocalHost(host: string): boolean {
  const [, name = "", literal] = /^(\[([0-9a-f:.]+)\]|[^:]+)(?::\d{1,5})?$/i.exec(host) ?? [];
  return name.toLowerCase() === "localhost" || isLoopback(literal ?? name);
}

/** Is it an address that only this machine reaches? */
export function isLoopback(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && (address === "::1" || /^127\./.test(address));
}

/** @throws CtError CT_ERR_USAGE for an endpoint that others reach. */
export function checkControlEndpoint(text: string): void {
  const endpoint = parseEndpoint(text, { allowPortZero: true });
  if (!endpoint.ok) throw new CtError("CT_ERR_USAGE", `--control: ${endpoint.error.message}`);
  if (isLoopback(endpoint.value.address)) return;
  throw new CtError(
    "CT_ERR_USAGE",
    `--control: ${text} can be reached from other machines; give an address such as 127.0.0.1:6880, and come from elsewhere by ssh -L`,
  );
}

function refusal(message: string): CtError {
  return new CtError("CT_ERR_CONTROL", message);
}
