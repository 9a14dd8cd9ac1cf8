"""What scores are worth: calibration, gallery size and local normalisation, on real people."""
