"""Label maps → model → predictions, uncertainty and metrics.

`settings`, `plan`, `device`, `metrics` and `uncertainty` load no torch; `training` and `inference`
do, and belong in the background process.
"""
