// Shows the page what its two streams tell as slowly as a picture needs it. Nothing is made up: the
// page sees what happened, later than it happened, with the times that it really took.

(() => {
  const STREAM = /^\/(api|sandbox)\/stream$/;
  const STAMPED = /^(telegram|discord)\/messages\//;
  const NOON = new Date().setUTCHours(12, 0, 0, 0);
  // How events of each stream get into the page, and the changes that the page has not seen yet.
  const ways = {};
  let held = [];
  let holds = false;

  /** Give all messages the same time, so that no clock is to be seen. */
  function stamped(set) {
    for (const [key, value] of Object.entries(set)) {
      if (!STAMPED.test(key)) continue;
      for (const name of ["date", "edit_date"]) if (value[name]) value[name] = NOON / 1000;
      for (const name of ["timestamp", "edited_timestamp"]) if (value[name]) value[name] = new Date(NOON).toISOString();
    }
    return set;
  }

  function tell(stream, set, removed = []) {
    ways[stream].enqueue(`event: change\ndata: ${JSON.stringify({ set, removed })}\n\n`);
  }

  function take(stream, event) {
    const [, head, data] = /^([^]*?event: \w+)\ndata: (.*)$/.exec(event) ?? [];
    const { set, removed } = JSON.parse(data ?? "{}");
    if (!set) ways[stream].enqueue(`${event}\n\n`);
    else if (!holds) ways[stream].enqueue(`${head}\ndata: ${JSON.stringify({ set: stamped(set), removed })}\n\n`);
    else {
      for (const [key, value] of Object.entries(stamped(set))) held.push({ stream, key, value });
      for (const key of removed) held.push({ stream, key });
      // The page would take silence for a broken connection.
      ways[stream].enqueue("event: beat\ndata: {}\n\n");
    }
  }

  function slowed(stream) {
    let rest = "";
    return new TransformStream({
      start: (way) => { ways[stream] = way; },
      transform(piece) {
        const events = (rest + piece).split("\n\n");
        rest = events.pop();
        for (const event of events) if (event) take(stream, event);
      },
    });
  }

  const plain = window.fetch;
  window.fetch = async (address, options) => {
    const answer = await plain(address, options);
    const [, stream] = STREAM.exec(new URL(address, location.href).pathname) ?? [];
    if (!stream || !answer.ok) return answer;
    const body = answer.body.pipeThrough(new TextDecoderStream()).pipeThrough(slowed(stream)).pipeThrough(new TextEncoderStream());
    return new Response(body, { status: answer.status, headers: answer.headers });
  };

  window.slowMotion = {
    hold: () => { holds = true; },
    /** The newest of the objects that are held under keys with this beginning. */
    held: (start) => Object.fromEntries(held.filter((one) => one.key.startsWith(start)).map((one) => [one.key, one.value])),
    /** Show what is held under keys that fit. */
    release(pattern) {
      const fits = ({ key }) => new RegExp(pattern).test(key);
      for (const { stream, key, value } of held.filter(fits)) {
        if (value === undefined) tell(stream, {}, [key]);
        else tell(stream, { [key]: value });
      }
      held = held.filter((one) => !fits(one));
    },
    tell,
    /** Put what moves where it is `ms` after its beginning; the rest of the page is at rest. */
    pose(ms) {
      for (const one of document.getAnimations()) {
        if (one.animationName === "travel") {
          one.pause();
          one.currentTime = ms;
        } else if (one instanceof CSSTransition) one.finish();
        else {
          one.pause();
          one.currentTime = 0;
        }
      }
    },
  };
})();
