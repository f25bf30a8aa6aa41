/** One server-sent event, its data as the JSON it is. */
export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
}

/** The events of a stream, in the form of the HTML standard, of which our daemons use the lines `event` and `data`. */
export async function* readEvents(stream: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  let rest = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + part).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = fieldOf(block, "event");
      const data = fieldOf(block, "data");
      if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) as unknown };
    }
  }
}

function fieldOf(block: string, name: string): string | undefined {
  const line = block.split("\n").find((one) => one.startsWith(`${name}: `));
  return line?.slice(name.length + 2);
}
