"""Files of pictures as bytes: what they promise, what lies inside them, how it is turned."""
