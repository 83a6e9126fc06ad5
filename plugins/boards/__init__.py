"""Pages of our own in Airflow's UI. They come in by the airflow.plugins entry point, see boards.plugin."""
