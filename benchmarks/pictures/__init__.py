"""What the embedder of whole photos is worth and costs: classes, look-alikes, time."""
