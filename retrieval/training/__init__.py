"""What makes the data that ships with the toolkit: calibrations and weights."""
