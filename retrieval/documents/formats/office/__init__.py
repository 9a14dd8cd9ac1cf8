"""Documents that are XML in a ZIP container: DOCX, PPTX, ODT, ODP and EPUB → text."""
