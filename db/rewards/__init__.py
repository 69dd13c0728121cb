"""What members earn for coming back, and what administrators give: each is one call of Postgres."""
