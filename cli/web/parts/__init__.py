"""What pages are made of: what an address asks for, photos that were sent, hits as tiles."""
