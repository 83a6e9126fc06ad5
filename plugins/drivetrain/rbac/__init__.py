"""Who may do what in Airflow, as files: roles of teams, what they give, who has them."""
