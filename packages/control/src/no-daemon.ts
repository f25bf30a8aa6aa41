import { CtError } from "@cachetorrent/protocol";

const HOW_TO_FIND_IT =
  "a daemon tells its address when it starts, and in control.endpoint in its state folder, which --state DIR names";

/** The CT_ERR_CONTROL of an endpoint at which no request could be made, with why. */
export function noAnswer(endpoint: string, error: unknown): CtError {
  const { cause = error } = error as { cause?: unknown };
  const why =
    whatElse(cause) ??
    (cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : String(cause));
  return new CtError("CT_ERR_CONTROL", `no daemon answers at ${endpoint}: ${why}; ${HOW_TO_FIND_IT}`, {
    cause: error,
  });
}

/** The CT_ERR_CONTROL of an endpoint whose answer is no daemon's. */
export function otherProgram(endpoint: string, answer: string, cause?: unknown): CtError {
  return new CtError(
    "CT_ERR_CONTROL",
    `what answers at ${endpoint} is another program than a daemon: it sent ${answer}; ${HOW_TO_FIND_IT}`,
    { cause },
  );
}

/** What else than a daemon it is that makes `fetch` fail so; undefined where the reason tells by itself. */
function whatElse(cause: unknown): string | undefined {
  const { code, message, name } = cause as { code?: unknown; message?: unknown; name?: unknown };
  if (name === "HTTPParserError") return "what listens there does not speak HTTP";
  if (code === "UND_ERR_SOCKET" || code === "ECONNRESET" || code === "EPIPE")
    return "what listens there closed the connection without an answer";
  if (message === "unexpected redirect") return "what listens there redirects";
  // `fetch` asks none of these (Fetch standard, "port blocking").
  if (message === "bad port") return "this port is known as that of another protocol than HTTP";
  return undefined;
}
