"""How fast the workbook trains, against the usual way."""
