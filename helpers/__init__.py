"""Shared helpers of the workbook: what stays the same from one model iteration to the next."""
