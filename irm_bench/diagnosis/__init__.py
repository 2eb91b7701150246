"""What theory says of the results; ``diagnose.py`` is the stage."""
