"""Word vectors mended without training them anew: words added, wrong moves taken back."""
