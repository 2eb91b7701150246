"""What is minimised over rows, one file each."""
