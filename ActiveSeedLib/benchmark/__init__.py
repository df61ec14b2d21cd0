"""The simulated annotator: existing label maps play the radiologist, so that strategies compare."""
