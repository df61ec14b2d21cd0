"""Where per-case work is done: in this process, in several, or in the tasks of a cluster.

The work on a pool is cut into shards of cases. What comes of each case is a file, written
atomically and keyed by the case's content, the model or encoder, and the parameters. Whoever asks
for the work watches these files; so retry, resume and progress are the same everywhere.
"""
