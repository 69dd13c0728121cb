// A tip between two members that is recorded in SQL, with Node and the package `pg`.
//
//     DATABASE_URL=... node tip.js GIVER TAKER AMOUNT INTERACTION
//
// Run it twice with the same arguments: the second call changes nothing.

const { Client } = require('pg');

// The bot answers these when the ledger refuses, by the name of the constraint.
const REFUSALS = {
  member_balance_not_negative: 'You have less than that.',
  key_names_one_event: 'This tip was given already, with another amount.',
};

// An id of Discord does not fit into a number of JavaScript: 700000000000000001 reads as
// 700000000000000000, which is another member. So an id stays a string on its whole way, and `pg`
// gives a bigint back as a string, too.
function balanceChange(userId, delta, reason, interaction) {
  return JSON.stringify({
    type: 'balance.changed',
    idempotency_key: `dc_${reason}.balance_${userId}_${interaction}`,
    source: 'discord',
    user_id: userId,
    delta_balance: delta,
    reason,
    entity_id: interaction,
    occurred_at: new Date().toISOString(),
  });
}

async function tip(client, giver, taker, amount, interaction) {
  await client.query('BEGIN');
  // Both events in one call: all or none, and two tips in opposite directions cannot deadlock.
  const { rows } = await client.query('SELECT created FROM twinstream.record($1)', [[
    balanceChange(giver, -amount, 'tip_given', interaction),
    balanceChange(taker, amount, 'tip_taken', interaction),
  ]]);
  if (rows[0].created) {
    await client.query('INSERT INTO tips VALUES ($1, $2, $3, $4)', [interaction, giver, taker, amount]);
  }
  await client.query('COMMIT');
  return rows[0].created ? 'Your tip has arrived.' : 'This tip was given already.';
}

async function main([giver, taker, amount, interaction]) {
  const client = new Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  try {
    console.log(await tip(client, giver, taker, Number(amount), interaction));
  } catch (error) {
    if (!(error.constraint in REFUSALS)) throw error;
    console.log(REFUSALS[error.constraint]);
    process.exitCode = 1;
  } finally {
    await client.end(); // what did not commit is rolled back
  }
}

main(process.argv.slice(2));
