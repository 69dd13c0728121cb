"""Lines by which an operator looks into both servers of a running deployment."""

from config.outside_text import visible

REDIS_COMMANDS = ("XINFO STREAM sync:telegram", "XINFO GROUPS sync:telegram", "XLEN sync:dead")
QUERIES = (
    "SELECT status, COUNT(*) FROM sync_events GROUP BY status",
    "SELECT * FROM transactions ORDER BY id DESC LIMIT 5",
    "SELECT error_message FROM sync_events WHERE status = 'failed'",
)


def commands() -> list[str]:
    """Return shell lines that show the streams and the record of a running deployment.

    The lines hold neither addresses nor passwords. Their commands find both by themselves, so a
    password appears neither on the screen nor in the arguments of a process.
    """
    return [
        *(f'make redis ARGS="{command}"' for command in REDIS_COMMANDS),
        *(f'make psql ARGS="{query}"' for query in QUERIES),
    ]


def after_demo(*, still_runs: bool) -> list[str]:
    """Return the last lines of the demo; without servers that still run, no commands to them."""
    if still_runs:
        return ["", "To look inside:", *(f"  {line}" for line in commands())]
    return [
        "",
        "The demo has stopped its servers. To look inside, start `make sandbox` on the same data.",
    ]


def format_reply(reply: object, indent: str = "") -> str:
    """Format a Redis reply as redis-cli does, one value per line."""
    if isinstance(reply, bytes):
        return f"{indent}{visible(reply.decode(errors='backslashreplace'))}"
    if isinstance(reply, dict):
        return "\n".join(
            f"{indent}{format_reply(name)}: {format_reply(value).strip()}"
            for name, value in reply.items()
        )
    if isinstance(reply, list | tuple):
        lines = [format_reply(one, indent + "  ").strip() for one in reply]
        return "\n".join(f"{indent}{number}) {line}" for number, line in enumerate(lines, 1))
    return f"{indent}{reply}"
