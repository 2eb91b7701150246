"""How parameters are stepped, one file each."""
