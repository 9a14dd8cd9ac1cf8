"""What was done with a cluster, and what one takes."""
