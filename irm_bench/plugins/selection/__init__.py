"""Rules that choose among the trained models of a method, by rows apart; one file each."""
