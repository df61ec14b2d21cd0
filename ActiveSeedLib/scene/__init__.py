"""A case in Slicer's scene: volume, segments, drafts, overlay and plots; MRML without Qt."""
