"""Lua scripts on the model of Redis: the scripts of the bus run unchanged."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from lupa.lua51 import LuaRuntime, lua_type  # type: ignore[import-untyped]
from redis.exceptions import ResponseError

_RUNNER = b"""
function(body, call, pcall, keys, argv)
  redis = {call = call, pcall = pcall}
  KEYS, ARGV = keys, argv
  return body()
end
"""


class Scripts:
    """Runs scripts; `call` executes the commands of `redis.call`."""

    def __init__(self, call: Callable[[Sequence[bytes]], Any]) -> None:
        self._lua = LuaRuntime(encoding=None, unpack_returned_tuples=True)
        self._run = self._lua.eval(_RUNNER)
        self._call = call
        self._compiled = cache(self._compile)

    def eval(self, args: Sequence[bytes]) -> Any:
        """Run `EVAL script numkeys key ... arg ...`, without its first word."""
        script, count = args[0], int(args[1])
        keys, rest = args[2 : 2 + count], args[2 + count :]
        result = self._run(
            self._compiled(script),
            self._from_lua_call,
            self._from_lua_pcall,
            self._lua.table_from(keys),
            self._lua.table_from(rest),
        )
        return self._to_reply(result)

    def _compile(self, script: bytes) -> Any:
        return self._lua.eval(b"function() " + script + b"\nend")

    def _from_lua_call(self, *args: bytes | float) -> Any:
        words = [arg if isinstance(arg, bytes) else b"%d" % int(arg) for arg in args]
        return self._to_lua(self._call(words))

    def _from_lua_pcall(self, *args: bytes | float) -> Any:
        try:
            return self._from_lua_call(*args)
        except ResponseError as error:
            return self._lua.table_from({b"err": str(error).encode()})

    def _to_lua(self, reply: Any) -> Any:
        if reply is None:
            return False
        if isinstance(reply, list):
            return self._lua.table_from([self._to_lua(one) for one in reply])
        return reply

    def _to_reply(self, value: Any) -> Any:
        if value is None or value is False:
            return None
        if value is True:
            return 1
        if lua_type(value) != "table":
            return value if isinstance(value, bytes) else int(value)
        if value[b"err"] is not None:
            raise ResponseError(value[b"err"].decode())
        if value[b"ok"] is not None:
            return value[b"ok"]
        return [self._to_reply(value[number]) for number in range(1, len(value) + 1)]
