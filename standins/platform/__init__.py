"""The local platform: Airflow and what stands in for the services around it, on 127.0.0.1."""
