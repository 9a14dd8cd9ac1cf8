"""PDF → lines of text: PDFium finds the characters, their places tell the order."""
