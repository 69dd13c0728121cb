"""Sessions of Postgres that last: LISTEN for the relay, and locks that number the consumers."""
