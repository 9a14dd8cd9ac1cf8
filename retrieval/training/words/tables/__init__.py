"""What is known of words before any text is read: names of places, names in general, relations."""
