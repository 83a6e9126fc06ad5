"""The columns that the tables of FLEET are made of, each with the SQL that draws its value.

In that SQL, {x} is a number from 0 to 1,000,002 that differs by row and column. It is plain arithmetic on the row's
number: the same in every warehouse, whatever its random functions are.
"""

from __future__ import annotations

from typing import NamedTuple


class Template(NamedTuple):
    """A column.

    Attributes:
        name: as the table has it.
        kind: the type of the sheet's column.
        sql_type: as Snowflake declares it.
        value: an SQL expression of {x}.
        scale: digits after the point, decimals only.
        format: Google's number format pattern, "" for none.
        header: what the sheet shows; the name in words if empty.
        timezone: whose wall clock the sheet shows, timestamp_tz only.
    """

    name: str
    kind: str
    sql_type: str
    value: str
    scale: int | None = None
    format: str = ""
    header: str = ""
    timezone: str = ""


def _one_of(*texts: str, of: str = "{x}") -> str:
    quoted = [text.replace("'", "''") for text in texts]
    whens = " ".join(f"WHEN {number} THEN '{text}'" for number, text in enumerate(quoted))
    return f"CASE MOD({of}, {len(texts)}) {whens} END"


CITIES = (
    ("DEL", "New Delhi", "Delhi"), ("BOM", "Mumbai", "Maharashtra"), ("BLR", "Bengaluru", "Karnataka"),
    ("HYD", "Hyderabad", "Telangana"), ("MAA", "Chennai", "Tamil Nadu"), ("PNQ", "Pune", "Maharashtra"),
    ("CCU", "Kolkata", "West Bengal"), ("AMD", "Ahmedabad", "Gujarat"), ("JAI", "Jaipur", "Rajasthan"),
    ("LKO", "Lucknow", "Uttar Pradesh"), ("COK", "Kochi", "Kerala"), ("IDR", "Indore", "Madhya Pradesh"),
)  # fmt: skip
_FIRST = ("Aarav", "Ananya", "Diya", "Rohan", "Kavya", "Meera", "Imran", "Fatima", "Gurpreet", "Joseph", "Zoë", "José")
_LAST = ("Sharma", "Patel", "Reddy", "Iyer", "Khan", "Singh", "Nair", "Das", "O'Brien", "Fernandes", "Menon")
_REMARKS = (
    "Single owner, full service history 👍", "नया टायर, बहुत अच्छी हालत", "Minor dent; see photos",
    'Customer says "call after six"', "=not a formula, just how it was typed", "Paper, missing; asked twice", "007",
)  # fmt: skip
_RUPEES = "#,##0.00"
_END = "2026-11-24"  # the last day with data

CITY = Template("CITY_CODE", "text", "VARCHAR(3)", _one_of(*(code for code, _, _ in CITIES)), header="City")
UPDATED = Template(
    "UPDATED_AT",
    "timestamp",
    "TIMESTAMP_NTZ(9)",
    f"DATEADD(SECOND, -7 * {{x}}, '{_END} 00:00:00'::TIMESTAMP_NTZ)",
    header="Updated at (UTC)",
)
OTHERS = (
    Template("STATUS", "text", "VARCHAR(20)", _one_of("open", "in progress", "on hold", "done", "cancelled")),
    Template("CHANNEL", "text", "VARCHAR(20)", _one_of("website", "app", "walk-in", "referral", "whatsapp", "partner")),
    Template("REGION", "text", "VARCHAR(10)", _one_of("North", "South", "East", "West")),
    Template("BRANCH", "text", "VARCHAR(6)", "'BR' || LPAD(MOD({x}, 180)::VARCHAR, 4, '0')"),
    Template("AGENT", "text", "VARCHAR(40)", _one_of(*_FIRST)),
    Template("CUSTOMER", "text", "VARCHAR(60)", f"{_one_of(*_FIRST)} || ' ' || {_one_of(*_LAST)}"),
    Template("PHONE", "text", "VARCHAR(16)", "'+91' || (6000000000 + 3571 * {x})::VARCHAR"),
    Template("EXTERNAL_CODE", "text", "VARCHAR(8)", "LPAD({x}::VARCHAR, 8, '0')"),
    Template("VIN", "text", "VARCHAR(17)", "'MA3' || UPPER(SUBSTR(MD5({x}::VARCHAR), 1, 14))", header="VIN"),
    Template("MAKE", "text", "VARCHAR(30)", _one_of("Maruti Suzuki", "Hyundai", "Tata", "Mahindra", "Kia", "Toyota")),
    Template("FUEL", "text", "VARCHAR(10)", _one_of("Petrol", "Diesel", "CNG", "Electric")),
    Template("COLOUR", "text", "VARCHAR(10)", _one_of("White", "Silver", "Grey", "Red", "Blue", "Black")),
    Template("PINCODE", "text", "VARCHAR(6)", "(110001 + MOD({x}, 700000))::VARCHAR"),
    Template("REMARKS", "text", "VARCHAR(200)", f"IFF(MOD({{x}}, 10) < 6, NULL, {_one_of(*_REMARKS)})"),
    Template("QUANTITY", "integer", "NUMBER(6,0)", "1 + MOD({x}, 40)"),
    Template("ODOMETER_KM", "integer", "NUMBER(38,0)", "MOD({x}, 180000)", format="#,##0", header="Odometer (km)"),
    Template("MODEL_YEAR", "integer", "NUMBER(4,0)", "2012 + MOD({x}, 15)"),
    Template("DAYS_OPEN", "integer", "NUMBER(5,0)", "MOD({x}, 120)"),
    Template("TRIES", "integer", "NUMBER(3,0)", "MOD({x}, 9)"),
    Template("POINTS", "integer", "NUMBER(5,0)", "IFF(MOD({x}, 7) = 0, NULL, MOD({x}, 1000))"),
    Template("REFERENCE_ID", "integer", "NUMBER(38,0)", "9007199254740993 + 2 * {x}", header="Reference"),
    Template("AMOUNT", "decimal", "NUMBER(14,2)", "(99 + 137 * {x}) * 0.01", 2, _RUPEES, "Amount (₹)"),
    Template("FEE", "decimal", "NUMBER(12,2)", "MOD({x}, 250000) * 0.01", 2, _RUPEES, "Fee (₹)"),
    Template("TAX", "decimal", "NUMBER(12,2)", "MOD({x}, 90000) * 0.01", 2, _RUPEES, "Tax (₹)"),
    Template(
        "DISCOUNT", "decimal", "NUMBER(12,2)", "IFF(MOD({x}, 3) = 0, NULL, {x} * 0.01)", 2, _RUPEES, "Discount (₹)"
    ),
    Template("RATE", "decimal", "NUMBER(5,2)", "MOD({x}, 3600) * 0.01", 2, "0.00", "Rate (%)"),
    Template("RATING", "decimal", "NUMBER(2,1)", "(10 + MOD({x}, 41)) * 0.1", 1, "0.0"),
    Template("LATITUDE", "float", "FLOAT", "(8 + MOD({x}, 290000) * 0.0001)::FLOAT"),
    Template("LONGITUDE", "float", "FLOAT", "(68 + MOD({x}, 290000) * 0.0001)::FLOAT"),
    Template("RISK", "float", "FLOAT", "({x} * 0.000001)::FLOAT", format="0.000"),
    Template("CONVERSION", "float", "FLOAT", "(MOD({x}, 1000) * 0.001)::FLOAT", format="0.0%"),
    Template("IS_ACTIVE", "boolean", "BOOLEAN", "MOD({x}, 5) > 0", header="Active"),
    Template("IS_CERTIFIED", "boolean", "BOOLEAN", "MOD({x}, 3) = 0", header="Certified"),
    Template("IS_FLAGGED", "boolean", "BOOLEAN", "MOD({x}, 20) = 0", header="Flagged"),
    Template("OPENED_ON", "date", "DATE", f"DATEADD(DAY, -MOD({{x}}, 700), '{_END}'::DATE)"),
    Template("DUE_ON", "date", "DATE", f"DATEADD(DAY, MOD({{x}}, 60), '{_END}'::DATE)"),
    Template(
        "CLOSED_ON", "date", "DATE", f"IFF(MOD({{x}}, 2) = 0, NULL, DATEADD(DAY, -MOD({{x}}, 90), '{_END}'::DATE))"
    ),
    Template("SLOT_STARTS", "time", "TIME", "(LPAD((9 + MOD({x}, 12))::VARCHAR, 2, '0') || ':30:00')::TIME"),
    Template(
        "SCHEDULED_AT", "timestamp", "TIMESTAMP_NTZ(9)", f"DATEADD(MINUTE, {{x}}, '{_END} 00:00:00'::TIMESTAMP_NTZ)"
    ),
    Template(
        "CREATED_AT",
        "timestamp_tz",
        "TIMESTAMP_TZ(9)",
        f"DATEADD(MINUTE, -{{x}}, '{_END}T00:00:00+00:00'::TIMESTAMP_TZ)",
        timezone="Asia/Kolkata",
    ),
    Template(
        "SEEN_AT", "timestamp_tz", "TIMESTAMP_TZ(9)", f"DATEADD(SECOND, -{{x}}, '{_END}T00:00:00+00:00'::TIMESTAMP_TZ)"
    ),
    Template(
        "ATTRIBUTES",
        "variant",
        "VARIANT",
        'PARSE_JSON(\'{{"stage": \' || MOD({x}, 9)::VARCHAR || \', "tags": ["car", "उप"]}}\')',
    ),
    Template("DIGEST", "binary", "BINARY", "MD5_BINARY({x}::VARCHAR)"),
)
