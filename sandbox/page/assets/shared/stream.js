// Reads server-sent events by fetch, which can send a header, as EventSource cannot.

// A stream that says nothing for this long is broken: the sandbox says something every 10 seconds.
const SILENCE_MS = 25_000;
const PAUSES_MS = [250, 500, 1_000, 2_000, 5_000];

/**
 * Read `address` until `signal` aborts, and go on after a lost connection where it ended.
 * `onEvent(kind, data)` gets each event, `onStatus` "open", "lost" or "refused".
 */
export async function readStream(address, headers, { onEvent, onStatus, signal }) {
  let last = "";
  let failures = 0;
  while (!signal.aborted) {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    signal.addEventListener("abort", stop);
    let timer = setTimeout(stop, SILENCE_MS);
    try {
      const sent = last ? { ...headers, "Last-Event-ID": last } : headers;
      const answer = await fetch(address, { headers: sent, signal: attempt.signal, cache: "no-store" });
      if (answer.status === 403) {
        onStatus("refused");
        return;
      }
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      onStatus("open");
      failures = 0;
      for await (const block of blocks(answer.body)) {
        clearTimeout(timer);
        timer = setTimeout(stop, SILENCE_MS);
        const event = parse(block);
        if (event.id) last = event.id;
        onEvent(event.kind, JSON.parse(event.data));
      }
    } catch {
      // The connection is lost, whatever the reason: the loop tries again.
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
    if (signal.aborted) return;
    onStatus("lost");
    const pause = PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)];
    failures += 1;
    await new Promise((done) => setTimeout(done, pause));
  }
}

/** Yield the text of each event, which an empty line ends. */
async function* blocks(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let parts = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    parts.push(value);
    // A large state comes in many pieces: they are joined once, at its end.
    if (!value.includes("\n")) continue;
    const pieces = parts.join("").split("\n\n");
    parts = [pieces.pop()];
    for (const piece of pieces) if (piece) yield piece;
  }
}

function parse(block) {
  const event = { id: "", kind: "message", data: "null" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    const [name, value] = [line.slice(0, at), line.slice(at + 2)];
    if (name === "id") event.id = value;
    if (name === "event") event.kind = value;
    if (name === "data") event.data = value;
  }
  return event;
}
