import { CtError, type ErrorCode } from "@cachetorrent/protocol";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";

/** An answer that refuses, with its status and what it tells. */
export class HttpError extends Error {
  readonly status: number;
  readonly error: CtError;

  constructor(status: number, error: CtError) {
    super(error.message);
    this.status = status;
    this.error = error;
  }
}

/** What is not the asker's fault, or has a status of its own; all else is 400. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  CT_ERR_NO_TORRENT: 404,
  CT_ERR_TORRENT_KNOWN: 409,
  CT_ERR_FILE_IN_THE_WAY: 409,
  CT_ERR_NO_SPACE: 507,
  CT_ERR_STORAGE: 500,
  CT_ERR_PERMISSION: 500,
  CT_ERR_STATE: 500,
};

/** Answers an error as `{"code": "CT_ERR_…", "message": "…"}`. What nobody foresaw is logged, and not told. */
export function answerError(log: Logger) {
  return (thrown: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void => {
    const { error, status } = refusalOf(thrown);
    if (status >= 500) {
      log.error({ err: thrown, event: "control", method: request.method, url: request.url }, error.message);
    }
    if (status === 401) reply.header("www-authenticate", "Bearer");
    void reply.code(status).send({ code: error.code, message: error.message });
  };
}

function refusalOf(thrown: FastifyError | Error): { readonly status: number; readonly error: CtError } {
  if (thrown instanceof HttpError) return thrown;
  if (thrown instanceof CtError) return { status: STATUS[thrown.code] ?? 400, error: thrown };
  // Fastify's errors are of many classes, and have a status.
  if (thrown instanceof RangeError && !("statusCode" in thrown))
    return { status: 400, error: new CtError("CT_ERR_USAGE", thrown.message) };
  const { statusCode = 500, validation } = thrown as FastifyError;
  if (validation || statusCode < 500)
    return { status: statusCode, error: new CtError("CT_ERR_USAGE", messageOf(thrown as FastifyError)) };
  return { status: 500, error: new CtError("CT_ERR_CONTROL", "internal error; the daemon's log tells more") };
}

/** Names what is wrong, and where: `body/limits/up must be > 0`. */
function messageOf({ message, validation, validationContext = "body" }: FastifyError): string {
  // Of a choice every branch has its fault, and the last word is that none matched: the most particular one tells most.
  const fault = validation?.toSorted((a, b) => b.instancePath.length - a.instancePath.length)[0];
  if (!fault) return message;
  const { additionalProperty, allowedValues } = fault.params as Record<string, unknown>;
  const at = `${validationContext}${fault.instancePath}`;
  if (additionalProperty !== undefined) return `${at}: unknown name ${JSON.stringify(additionalProperty)}`;
  return `${at} ${fault.message ?? "is wrong"}${allowedValues ? `: ${JSON.stringify(allowedValues)}` : ""}`;
}
