"""A shop that records in SQL, with Django: a purchase costs coins and brings XP.

    DATABASE_URL=... python shop.py USER_ID ORDER PRICE

An order that the member cannot pay is kept as refused: its savepoint takes the events back, and
nothing else. Run it twice with the same arguments: the second call changes nothing.
"""

import os
import sys

import django
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from psycopg.conninfo import conninfo_to_dict

XP = 10


def buy(user_id: int, order_id: str, price: int) -> str:
    """Record a purchase, unless it is recorded; return what the shop answers."""
    with transaction.atomic(), connection.cursor() as cursor:
        created, state = True, "paid"
        try:
            with transaction.atomic():  # a savepoint
                cursor.execute(
                    "SELECT twinstream.record_xp('telegram', %s, %s, 'purchase', %s)",
                    [user_id, XP, order_id],
                )
                cursor.execute(
                    "SELECT created FROM twinstream.record_balance('telegram', %s, %s, 'shop', %s)",
                    [user_id, -price, order_id],
                )
                (created,) = cursor.fetchone()
        except IntegrityError as error:
            constraint = error.__cause__.diag.constraint_name
            if constraint == "key_names_one_event":
                return "This order was paid already, at another price."
            if constraint != "member_balance_not_negative":
                raise
            state = "refused"
        if created:
            cursor.execute(
                "INSERT INTO orders VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (id) DO UPDATE SET price = excluded.price, state = excluded.state",
                [order_id, user_id, price, state],
            )
    return f"This order is {state}." if created else "This order was paid already."


if __name__ == "__main__":
    address = conninfo_to_dict(os.environ["DATABASE_URL"])
    backend = {"ENGINE": "django.db.backends.postgresql", "NAME": address.pop("dbname")}
    settings.configure(DATABASES={"default": backend | {"OPTIONS": address}})
    django.setup()
    user, order, cost = sys.argv[1:]
    print(buy(int(user), order, int(cost)))
