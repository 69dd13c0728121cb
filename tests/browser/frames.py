"""The frames that a page draws, and the longest one, during which it answers nobody."""

from typing import Any, Final

_WATCH: Final = """() => {
  window.longest = 0;
  let before = performance.now();
  const frame = (now) => {
    window.longest = Math.max(window.longest, now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""


async def watch_frames(page: Any) -> None:
    """Measure frames from now on."""
    await page.evaluate(_WATCH)


async def longest_frame_ms(page: Any) -> float:
    """Return the longest frame since `watch_frames`, in milliseconds."""
    longest: float = await page.evaluate("window.longest")
    return longest
