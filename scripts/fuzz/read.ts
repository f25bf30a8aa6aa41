import type { Socket } from "node:net";

/** Resolves with all that came so far once it is enough; rejects when the connection ends before. One at a time. */
export type Read = (isEnough: (bytes: Buffer) => boolean) => Promise<Buffer>;

/** What comes between two reads stays where it is. */
export function readerOf(socket: Socket): Read {
  let bytes = Buffer.alloc(0);
  return (isEnough) =>
    new Promise((resolve, reject) => {
      const onClose = (): void => reject(new Error("closed"));
      const look = (): void => {
        if (!isEnough(bytes)) return;
        socket.pause();
        socket.off("data", onData).off("close", onClose);
        resolve(bytes);
      };
      const onData = (chunk: Buffer): void => {
        bytes = Buffer.concat([bytes, chunk]);
        look();
      };
      if (socket.destroyed) onClose();
      socket.on("data", onData).on("close", onClose).resume();
      look();
    });
}
