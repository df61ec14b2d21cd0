"""A case in Slicer's scene: opened, drawn on, kept, saved; overlay and plots; MRML without Qt."""
