"""Formats of records: tables and JSON, all of whose cells are text."""
