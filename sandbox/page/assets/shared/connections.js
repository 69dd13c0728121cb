// Which programs drive a bot, as the platform sees them.

/**
 * Return the connection of a bot, as "telegram/bots" or "discord/bots" has it: the names of the
 * programs, whether there is one, and whether several are in each other's way.
 */
export function connectionOf(bot) {
  const clients = bot.sessions ? bot.sessions.map((one) => one.client) : bot.polls ? [bot.client] : [];
  // Shards share the events of one program; two programs with one token both get all of them.
  const shards = new Set(bot.sessions?.map((one) => one.shard[0]));
  return {
    names: [...new Set(clients.map(programName))],
    connected: clients.length > 0,
    conflict: bot.conflict ?? clients.length > shards.size,
  };
}

/** Say it in a few words. */
export function connectionWords(bot, say) {
  const { names, connected, conflict } = connectionOf(bot);
  if (conflict) return say("botConflict");
  if (!connected) return say("botAway");
  const known = names.filter(Boolean);
  return known.length ? say("botConnectedBy", { what: known.join(", ") }) : say("botConnected");
}

/** "Python/3.11 aiohttp/3.9 aiogram/3.20" is a program of aiogram 3.20: the last name is the nearest. */
function programName(client) {
  const plain = client.replace(/\([^)]*\)/g, " ").trim();
  const [, name, version] = /(?:^|\s)([^\s/]+)\/([\w.]+)$/.exec(plain) ?? [];
  return name ? `${name} ${version}` : plain;
}
