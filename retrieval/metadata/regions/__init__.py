"""Who is where in a picture, as programs write it into files: read, told apart, written."""
