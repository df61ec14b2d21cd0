"""Good files, damaged at random: whatever reads them says so in a sentence, or reads the same.

`python -m Testing.sweeps.fuzz --seconds 60` tries all targets in a process that may crash;
`test_fuzz.py` those in Python alone, by hypothesis; `coverage_guided.py` is for atheris.
"""
