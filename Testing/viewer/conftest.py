"""What every test of the viewer may use."""

from Testing.viewer.browser import browser, context, page, problems
from Testing.viewer.scored_page import archive, root, serve

__all__ = ["archive", "browser", "context", "page", "problems", "root", "serve"]
