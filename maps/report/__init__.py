"""The decision report: one document, written as HTML, PDF and Word; its figures stand in a workbook."""
