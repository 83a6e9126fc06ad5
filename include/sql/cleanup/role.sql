-- The role of the connection airflow_db_cleanup: it may delete history and read no secret. Run by the owner of Airflow's
-- tables; again after an upgrade of Airflow, and as often as you like. Its password: ALTER ROLE airflow_cleanup PASSWORD.
-- Postgres 14 or later. Airflow 3.3.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'airflow_cleanup') THEN
    CREATE ROLE airflow_cleanup LOGIN;
  END IF;
END $$;

-- Which team a DAG belongs to, and which events a DAG waits with.
GRANT SELECT ON dag_tag, asset_dag_run_queue TO airflow_cleanup;

-- UPDATE: Postgres asks for it where rows are locked. Nothing is updated.
GRANT SELECT, UPDATE, DELETE ON
  dag_run, dag_run_note, task_instance, task_instance_history, task_instance_note, task_map, task_reschedule,
  task_state_store, rendered_task_instance_fields, xcom, hitl_detail, hitl_detail_history, deadline,
  dagrun_asset_event, asset_partition_dag_run, partitioned_asset_key_log, asset_event, log, job, callback,
  dag_version, serialized_dag, dag_code
TO airflow_cleanup;

-- What is in these is nobody's business: a login, a connection. Their ages are enough.
GRANT SELECT (id, state, updated_at), UPDATE (id), DELETE ON connection_test_request TO airflow_cleanup;

DO $$
BEGIN
  -- Logins to the UI: with the FAB auth manager only.
  IF to_regclass('session') IS NOT NULL THEN
    GRANT SELECT (id, expiry), UPDATE (id), DELETE ON session TO airflow_cleanup;
  END IF;
  -- Before Postgres 17 autovacuum alone makes room.
  IF current_setting('server_version_num')::int >= 170000 THEN
    EXECUTE 'GRANT MAINTAIN ON '
      'dag_run, task_instance, task_instance_history, task_reschedule, rendered_task_instance_fields, xcom, asset_event, '
      'log, dag_version, serialized_dag, dag_code '
      'TO airflow_cleanup';
  END IF;
END $$;
