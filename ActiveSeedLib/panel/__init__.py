"""The widgets of the panel in 3D Slicer; what they do lies in `app` and `scene`."""
