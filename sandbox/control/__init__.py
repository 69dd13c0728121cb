"""The control interface, by which a test, a demo or a page acts for people and orders faults."""

from .server import Control

__all__ = ["Control"]
