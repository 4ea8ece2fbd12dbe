"""``make demo``: the web_logs example on a real Airflow, on real input."""
