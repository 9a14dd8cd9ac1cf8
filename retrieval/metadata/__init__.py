"""What is written into photographs and beside them: one file a format; no pixel is decoded."""
