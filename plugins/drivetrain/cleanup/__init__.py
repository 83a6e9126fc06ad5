"""Keep Airflow itself small: what is old goes, in small steps, and never what anybody still needs."""
