"""The page on which one watches and plays both platforms in a browser.

`assets` has its modules, `Feed` what changes on both platforms, `check_browser` the defence against
other pages. Every action of the page is a route of the control interface.
"""

from .browser_checks import check_browser
from .feed import Feed
from .routes import PAGE_PATH, TOKEN_HEADER, PageRoutes, safe_file

__all__ = ["PAGE_PATH", "TOKEN_HEADER", "Feed", "PageRoutes", "check_browser", "safe_file"]
