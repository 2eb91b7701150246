"""What a claim is judged by: evidence, findings, words; ``judge.py`` is the stage."""
