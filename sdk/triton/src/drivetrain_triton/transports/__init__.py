"""tritonclient's four clients behind one port, each with the same errors and with deadlines that hold."""
