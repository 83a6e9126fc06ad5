-- Runs once, at the first start. POSTGRES_DB has made the database `airflow` by then.
CREATE DATABASE drivetrain;
