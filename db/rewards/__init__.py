"""Rewards for coming back, and those that administrators give: each is one call of Postgres."""
