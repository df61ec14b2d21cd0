"""What every test of the viewer may use."""

from Testing.viewer.browser import browser, context, page, problems

__all__ = ["browser", "context", "page", "problems"]
