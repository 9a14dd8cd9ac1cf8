"""Copies of shards: equal or not, made, brought up to date, put in another's place."""
