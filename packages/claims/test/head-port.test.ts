import { expect, test } from "vitest";
import { LocalHeadPort } from "../src/index.ts";

const revoke = (piece: number) => ({ m: "revoke", piece }) as const;
const renew = (piece: number) => ({ m: "renew", pieces: [piece] }) as const;

test("the head's own messages are delivered in order by a flush, also those that it causes, and none before", () => {
  const delivered: string[] = [];
  const port: LocalHeadPort = new LocalHeadPort(
    (body) => {
      delivered.push(`to book ${body.m}`);
      port.tell(revoke(1));
      port.flush();
      delivered.push("book done");
    },
    (body) => delivered.push(`to client ${body.m}`),
  );
  port.send(renew(1));
  port.tell(revoke(2));
  expect(delivered).toEqual([]);
  port.flush();
  expect(delivered).toEqual(["to book renew", "book done", "to client revoke", "to client revoke"]);
  port.flush();
  expect(delivered.length).toBe(4);
});

test("one message that fails does not block those after it", () => {
  const delivered: string[] = [];
  const port = new LocalHeadPort(
    () => {
      throw new Error("refused");
    },
    (body) => delivered.push(body.m),
  );
  port.send(renew(1));
  port.tell(revoke(2));
  expect(() => port.flush()).toThrow("refused");
  port.flush();
  expect(delivered).toEqual(["revoke"]);
});
