"""A game that records in SQL, with psycopg: a round brings XP and costs coins.

    DATABASE_URL=... python game.py USER_ID ROUND [COST]

Run it twice with the same arguments: the second call changes nothing.
"""

import os
import sys

import psycopg

XP, COST = 15, 5
#: The bot answers these when the ledger refuses, by the name of the constraint.
REFUSALS = {
    "member_balance_not_negative": "You cannot pay for this round.",
    "key_names_one_event": "This round was played already, at another cost.",
}


def play(conn: psycopg.Connection, user_id: int, round_id: str, cost: int) -> bool:
    """Record a round, unless it is recorded; return whether it is new."""
    # One transaction: both events and the bot's own row are there together, or none of them.
    # The events first, the bot's own tables after them.
    with conn.transaction():
        conn.execute(
            "SELECT twinstream.record_xp('telegram', %s, %s, 'game', %s)",
            (user_id, XP, round_id),
        )
        (created,) = conn.execute(
            "SELECT created FROM twinstream.record_balance('telegram', %s, %s, 'game', %s)",
            (user_id, -cost, round_id),
        ).fetchone()
        if created:
            conn.execute("INSERT INTO rounds (id, user_id) VALUES (%s, %s)", (round_id, user_id))
    return created


def main() -> int:
    user_id, round_id, *cost = sys.argv[1:]
    with psycopg.connect(os.environ["DATABASE_URL"]) as conn:
        try:
            created = play(conn, int(user_id), round_id, int(cost[0]) if cost else COST)
        except psycopg.errors.IntegrityError as error:
            if error.diag.constraint_name not in REFUSALS:
                raise
            print(REFUSALS[error.diag.constraint_name])
            return 1
    print(f"You won {XP} XP." if created else "This round counted already.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
