"""Moving a collection to other networks: what is staged, how it is made, the switch."""
