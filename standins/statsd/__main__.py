from standins.statsd.cli import app

app(prog_name="python -m standins.statsd")
