"""The background process, and the client that starts, watches and ends it.

`python -m ActiveSeedLib.worker` carries the jobs of `ActiveSeedLib.jobs`; what it hears and says is
in `protocol`. It knows no job, no Qt and no Slicer.
"""
