"""What the market is made of: cars with their price when new, cities, and the words that people type.

Prices are rounded ex-showroom figures in lakh rupees (100,000), good enough to make the distributions plausible.
"""

from __future__ import annotations

from typing import NamedTuple


class Model(NamedTuple):
    """A car model: share of the market (weight), price when new in lakh rupees, fuels it is sold with."""

    make: str
    model: str
    weight: float
    lakh_new: float
    fuels: tuple[str, ...]
    variants: tuple[str, ...]


MODELS = (
    Model("Maruti Suzuki", "Swift", 10, 7.6, ("Petrol", "CNG"), ("LXi", "VXi", "ZXi", "ZXi+")),
    Model("Maruti Suzuki", "Wagon R", 9, 6.4, ("Petrol", "CNG"), ("LXi", "VXi", "ZXi")),
    Model("Maruti Suzuki", "Baleno", 8, 8.3, ("Petrol", "CNG"), ("Sigma", "Delta", "Zeta", "Alpha")),
    Model("Maruti Suzuki", "Alto K10", 6, 4.6, ("Petrol", "CNG"), ("Std", "LXi", "VXi")),
    Model("Maruti Suzuki", "Brezza", 6, 10.9, ("Petrol", "CNG"), ("LXi", "VXi", "ZXi")),
    Model("Maruti Suzuki", "Ertiga", 4, 10.8, ("Petrol", "CNG"), ("LXi", "VXi", "ZXi")),
    Model("Maruti Suzuki", "Dzire", 6, 8.2, ("Petrol", "CNG"), ("LXi", "VXi", "ZXi")),
    Model("Hyundai", "i20", 6, 8.9, ("Petrol", "Diesel"), ("Magna", "Sportz", "Asta")),
    Model("Hyundai", "Creta", 7, 14.6, ("Petrol", "Diesel"), ("E", "S", "SX", "SX(O)")),
    Model("Hyundai", "Venue", 4, 10.2, ("Petrol", "Diesel"), ("E", "S", "SX")),
    Model("Hyundai", "Grand i10 Nios", 4, 7.1, ("Petrol", "CNG"), ("Era", "Magna", "Sportz")),
    Model("Tata", "Nexon", 6, 11.0, ("Petrol", "Diesel", "Electric"), ("Smart", "Pure", "Creative", "Fearless")),
    Model("Tata", "Punch", 4, 7.8, ("Petrol", "CNG", "Electric"), ("Pure", "Adventure", "Accomplished")),
    Model("Tata", "Tiago", 3, 6.7, ("Petrol", "CNG", "Electric"), ("XE", "XT", "XZ+")),
    Model("Mahindra", "XUV700", 3, 19.8, ("Petrol", "Diesel"), ("MX", "AX5", "AX7")),
    Model("Mahindra", "Scorpio-N", 3, 18.4, ("Petrol", "Diesel"), ("Z4", "Z6", "Z8")),
    Model("Mahindra", "Bolero", 2, 10.3, ("Diesel",), ("B4", "B6")),
    Model("Kia", "Seltos", 4, 14.8, ("Petrol", "Diesel"), ("HTE", "HTK", "HTX", "GTX+")),
    Model("Kia", "Sonet", 3, 10.6, ("Petrol", "Diesel"), ("HTE", "HTK", "HTX")),
    Model("Toyota", "Innova Crysta", 3, 22.5, ("Diesel",), ("GX", "VX", "ZX")),
    Model("Toyota", "Glanza", 2, 8.4, ("Petrol", "CNG"), ("E", "S", "G", "V")),
    Model("Honda", "City", 4, 13.9, ("Petrol",), ("SV", "V", "VX", "ZX")),
    Model("Honda", "Amaze", 3, 8.7, ("Petrol",), ("E", "S", "VX")),
    Model("Renault", "Kwid", 3, 5.4, ("Petrol",), ("RXE", "RXL", "RXT", "Climber")),
    Model("Volkswagen", "Polo", 2, 8.1, ("Petrol", "Diesel"), ("Trendline", "Comfortline", "Highline")),
    Model("Skoda", "Slavia", 1, 14.2, ("Petrol",), ("Active", "Ambition", "Style")),
    Model("BMW", "3 Series", 0.5, 58.0, ("Petrol", "Diesel"), ("320d", "330i")),
    Model("Mercedes-Benz", "C-Class", 0.4, 61.0, ("Petrol", "Diesel"), ("C 200", "C 220d")),
)


class City(NamedTuple):
    """A city we sell in: its weight in the market, registration prefix, and position."""

    code: str
    name: str
    state: str
    tier: int
    weight: float
    latitude: float
    longitude: float


CITIES = (
    City("DEL", "New Delhi", "Delhi", 1, 14, 28.6139, 77.2090),
    City("BOM", "Mumbai", "Maharashtra", 1, 12, 19.0760, 72.8777),
    City("BLR", "Bengaluru", "Karnataka", 1, 13, 12.9716, 77.5946),
    City("HYD", "Hyderabad", "Telangana", 1, 9, 17.3850, 78.4867),
    City("MAA", "Chennai", "Tamil Nadu", 1, 8, 13.0827, 80.2707),
    City("PNQ", "Pune", "Maharashtra", 1, 9, 18.5204, 73.8567),
    City("CCU", "Kolkata", "West Bengal", 1, 6, 22.5726, 88.3639),
    City("AMD", "Ahmedabad", "Gujarat", 1, 6, 23.0225, 72.5714),
    City("GGN", "Gurugram", "Haryana", 1, 5, 28.4595, 77.0266),
    City("NOI", "Noida", "Uttar Pradesh", 1, 4, 28.5355, 77.3910),
    City("JAI", "Jaipur", "Rajasthan", 2, 3, 26.9124, 75.7873),
    City("LKO", "Lucknow", "Uttar Pradesh", 2, 3, 26.8467, 80.9462),
    City("COK", "Kochi", "Kerala", 2, 2, 9.9312, 76.2673),
    City("IDR", "Indore", "Madhya Pradesh", 2, 2, 22.7196, 75.8577),
    City("NAG", "Nagpur", "Maharashtra", 2, 1.5, 21.1458, 79.0882),
    City("STV", "Surat", "Gujarat", 2, 2, 21.1702, 72.8311),
    City("IXC", "Chandigarh", "Chandigarh", 2, 2, 30.7333, 76.7794),
    City("CJB", "Coimbatore", "Tamil Nadu", 2, 1.5, 11.0168, 76.9558),
    City("BDQ", "Vadodara", "Gujarat", 2, 1, 22.3072, 73.1812),
    City("VTZ", "Visakhapatnam", "Andhra Pradesh", 2, 1, 17.6868, 83.2185),
    City("PAT", "Patna", "Bihar", 2, 1, 25.5941, 85.1376),
    City("BBI", "Bhubaneswar", "Odisha", 2, 0.8, 20.2961, 85.8245),
    City("IXE", "Mangaluru", "Karnataka", 3, 0.5, 12.9141, 74.8560),
    City("MYQ", "Mysuru", "Karnataka", 3, 0.7, 12.2958, 76.6394),
)

# Registrations by month, relative: the festive quarter and the end of the financial year sell, the monsoon does not.
SEASON = (1.00, 0.96, 1.18, 0.94, 0.97, 0.88, 0.84, 0.90, 0.82, 1.30, 1.24, 0.97)

COLORS = ("White", "Silver", "Grey", "Red", "Blue", "Black", "Brown", "Orange")
NOTES = (
    "Single owner, full service history 👍",
    "Price slightly negotiable 🙏",
    "नया टायर, बहुत अच्छी हालत",
    "Minor dent on the left rear door; see photos",
    "🔥 Festive offer: free RC transfer",
    'Owner says "never driven in rain"',
    "Insurance till next March, 2 keys",
    "சுத்தமான வண்டி, ஒரே உரிமையாளர்",
    "=not a formula, just how the seller wrote it",
    "Line one\nline two, with a comma",
)
SOURCES = ("website", "app", "walk-in", "referral", "whatsapp", "call-centre", "partner")
CAMPAIGNS = ("diwali-2025", "monsoon-check", "exchange-bonus", "google-search", "meta-leads")
FIRST_NAMES = (
    "Aarav", "Ananya", "Vivaan", "Diya", "Arjun", "Ishita", "Rohan", "Kavya", "Karthik", "Meera", "Sanjay", "Priya",
    "Imran", "Fatima", "Gurpreet", "Simran", "Joseph", "Anjali", "Rahul", "Sneha", "Vikram", "Nandini", "Zoë", "José",
)  # fmt: skip
LAST_NAMES = (
    "Sharma", "Patel", "Reddy", "Iyer", "Khan", "Singh", "Nair", "Das", "Gupta", "Kulkarni", "Mehta", "Fernandes",
    "Bose", "Chauhan", "Naidu", "Joshi", "O'Brien", "Menon",
)  # fmt: skip
