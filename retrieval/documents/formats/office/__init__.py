"""Documents that are XML in a ZIP container: DOCX, PPTX, XLSX, ODT, ODS, ODP and EPUB → text."""
