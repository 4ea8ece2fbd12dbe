"""Apache Airflow. :mod:`.target` is the target; workers import only :mod:`.xcom` from here."""
