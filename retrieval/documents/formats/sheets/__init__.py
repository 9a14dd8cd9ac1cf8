"""Spreadsheets: XLSX and ODS → text, a row a record with the number that the sheet gives it."""
