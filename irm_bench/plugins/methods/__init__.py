"""Ways of choosing the predictor φ, one file each."""
