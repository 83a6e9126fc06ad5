"""A local stand-in for Google Sheets v4 and for the parts of Drive v3 that Sheets clients call.

The real, unmodified gspread and google-auth talk to it: only the host differs. See
``python -m standins.sheets serve --help`` and ``standins.sheets.testing.SheetsStandin``.
"""
