"""The same work in a browser, on Slicer's own core: `activeseed view`."""
