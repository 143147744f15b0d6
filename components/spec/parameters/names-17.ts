/** Made from PostgreSQL 17.12 (Debian 17.12-0+deb13u1) by toolchain/generate/parameters.ts: do not edit. */
import type { MemoryValue, NumberValue, SwitchValue, TimeValue } from "./value-types";

/** PostgreSQL 17's parameters that a declaration may set. A name with a dot is an extension's or an application's. */
export interface Parameters17 {
  /** Client Connection Defaults / Locale and Formatting; PostgreSQL's default ISO, MDY; reload */
  DateStyle?: string;
  /** Client Connection Defaults / Locale and Formatting; PostgreSQL's default postgres; reload */
  IntervalStyle?: "postgres" | "postgres_verbose" | "sql_standard" | "iso_8601";
  /** Client Connection Defaults / Locale and Formatting; PostgreSQL's default GMT; reload */
  TimeZone?: string;
  /** Version and Platform Compatibility / Other Platforms and Clients; PostgreSQL's default on; reload */
  allow_alter_system?: SwitchValue;
  /** Developer Options; PostgreSQL's default off; reload */
  allow_in_place_tablespaces?: SwitchValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default empty; reload */
  application_name?: string;
  /** Write-Ahead Log / Archiving; PostgreSQL's default empty; reload */
  archive_command?: string;
  /** Write-Ahead Log / Archiving; PostgreSQL's default empty; reload */
  archive_library?: string;
  /** Write-Ahead Log / Archiving; PostgreSQL's default off; restart */
  archive_mode?: boolean | "always" | "on" | "off";
  /** Write-Ahead Log / Archiving; 0 to 1073741823 (s); PostgreSQL's default 0; reload */
  archive_timeout?: TimeValue;
  /** Version and Platform Compatibility / Previous PostgreSQL Versions; PostgreSQL's default on; reload */
  array_nulls?: SwitchValue;
  /** Connections and Authentication / Authentication; 1 to 600 (s); PostgreSQL's default 60; reload */
  authentication_timeout?: TimeValue;
  /** Customized Options; PostgreSQL's default off; reload */
  "auto_explain.log_analyze"?: SwitchValue;
  /** Customized Options; PostgreSQL's default off; reload */
  "auto_explain.log_buffers"?: SwitchValue;
  /** Customized Options; PostgreSQL's default text; reload */
  "auto_explain.log_format"?: "text" | "xml" | "json" | "yaml";
  /** Customized Options; PostgreSQL's default log; reload */
  "auto_explain.log_level"?:
    | "debug5"
    | "debug4"
    | "debug3"
    | "debug2"
    | "debug1"
    | "info"
    | "notice"
    | "warning"
    | "log";
  /** Customized Options; -1 to 2147483647 (ms); PostgreSQL's default -1; reload */
  "auto_explain.log_min_duration"?: TimeValue;
  /** Customized Options; PostgreSQL's default off; reload */
  "auto_explain.log_nested_statements"?: SwitchValue;
  /** Customized Options; -1 to 2147483647 (B); PostgreSQL's default -1; reload */
  "auto_explain.log_parameter_max_length"?: MemoryValue;
  /** Customized Options; PostgreSQL's default off; reload */
  "auto_explain.log_settings"?: SwitchValue;
  /** Customized Options; PostgreSQL's default on; reload */
  "auto_explain.log_timing"?: SwitchValue;
  /** Customized Options; PostgreSQL's default off; reload */
  "auto_explain.log_triggers"?: SwitchValue;
  /** Customized Options; PostgreSQL's default off; reload */
  "auto_explain.log_verbose"?: SwitchValue;
  /** Customized Options; PostgreSQL's default off; reload */
  "auto_explain.log_wal"?: SwitchValue;
  /** Customized Options; 0 to 1; PostgreSQL's default 1; reload */
  "auto_explain.sample_rate"?: NumberValue;
  /** Autovacuum; PostgreSQL's default on; reload */
  autovacuum?: SwitchValue;
  /** Autovacuum; 0 to 100; PostgreSQL's default 0.1; reload */
  autovacuum_analyze_scale_factor?: NumberValue;
  /** Autovacuum; 0 to 2147483647; PostgreSQL's default 50; reload */
  autovacuum_analyze_threshold?: NumberValue;
  /** Autovacuum; 100000 to 2000000000; PostgreSQL's default 200000000; restart */
  autovacuum_freeze_max_age?: NumberValue;
  /** Autovacuum; 1 to 262143; PostgreSQL's default 3; restart */
  autovacuum_max_workers?: NumberValue;
  /** Autovacuum; 10000 to 2000000000; PostgreSQL's default 400000000; restart */
  autovacuum_multixact_freeze_max_age?: NumberValue;
  /** Autovacuum; 1 to 2147483 (s); PostgreSQL's default 60; reload */
  autovacuum_naptime?: TimeValue;
  /** Autovacuum; -1 to 100 (ms); PostgreSQL's default 2; reload */
  autovacuum_vacuum_cost_delay?: TimeValue;
  /** Autovacuum; -1 to 10000; PostgreSQL's default -1; reload */
  autovacuum_vacuum_cost_limit?: NumberValue;
  /** Autovacuum; 0 to 100; PostgreSQL's default 0.2; reload */
  autovacuum_vacuum_insert_scale_factor?: NumberValue;
  /** Autovacuum; -1 to 2147483647; PostgreSQL's default 1000; reload */
  autovacuum_vacuum_insert_threshold?: NumberValue;
  /** Autovacuum; 0 to 100; PostgreSQL's default 0.2; reload */
  autovacuum_vacuum_scale_factor?: NumberValue;
  /** Autovacuum; 0 to 2147483647; PostgreSQL's default 50; reload */
  autovacuum_vacuum_threshold?: NumberValue;
  /** Resource Usage / Memory; -1 to 2147483647 (kB); PostgreSQL's default -1; reload */
  autovacuum_work_mem?: MemoryValue;
  /** Resource Usage / Asynchronous Behavior; 0 to 256 (8kB); PostgreSQL's default 0; reload */
  backend_flush_after?: MemoryValue;
  /** Version and Platform Compatibility / Previous PostgreSQL Versions; PostgreSQL's default safe_encoding; reload */
  backslash_quote?: boolean | "safe_encoding" | "on" | "off";
  /** Developer Options; PostgreSQL's default empty; reload */
  backtrace_functions?: string;
  /** Resource Usage / Background Writer; 10 to 10000 (ms); PostgreSQL's default 200; reload */
  bgwriter_delay?: TimeValue;
  /** Resource Usage / Background Writer; 0 to 256 (8kB); PostgreSQL's default 64; reload */
  bgwriter_flush_after?: MemoryValue;
  /** Resource Usage / Background Writer; 0 to 1073741823; PostgreSQL's default 100; reload */
  bgwriter_lru_maxpages?: NumberValue;
  /** Resource Usage / Background Writer; 0 to 10; PostgreSQL's default 2; reload */
  bgwriter_lru_multiplier?: NumberValue;
  /** Connections and Authentication / Connection Settings; PostgreSQL's default off; restart */
  bonjour?: SwitchValue;
  /** Connections and Authentication / Connection Settings; PostgreSQL's default empty; restart */
  bonjour_name?: string;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default hex; reload */
  bytea_output?: "escape" | "hex";
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default on; reload */
  check_function_bodies?: SwitchValue;
  /** Write-Ahead Log / Checkpoints; 0 to 1; PostgreSQL's default 0.9; reload */
  checkpoint_completion_target?: NumberValue;
  /** Write-Ahead Log / Checkpoints; 0 to 256 (8kB); PostgreSQL's default 32; reload */
  checkpoint_flush_after?: MemoryValue;
  /** Write-Ahead Log / Checkpoints; 30 to 86400 (s); PostgreSQL's default 300; reload */
  checkpoint_timeout?: TimeValue;
  /** Write-Ahead Log / Checkpoints; 0 to 2147483647 (s); PostgreSQL's default 30; reload */
  checkpoint_warning?: TimeValue;
  /** Connections and Authentication / TCP Settings; 0 to 2147483647 (ms); PostgreSQL's default 0; reload */
  client_connection_check_interval?: TimeValue;
  /** Client Connection Defaults / Locale and Formatting; PostgreSQL's default SQL_ASCII; reload */
  client_encoding?: string;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default notice; reload */
  client_min_messages?: "debug5" | "debug4" | "debug3" | "debug2" | "debug1" | "log" | "notice" | "warning" | "error";
  /** Write-Ahead Log / Settings; 0 to 100000; PostgreSQL's default 0; reload */
  commit_delay?: NumberValue;
  /** Write-Ahead Log / Settings; 0 to 1000; PostgreSQL's default 5; reload */
  commit_siblings?: NumberValue;
  /** Resource Usage / Memory; 0 to 131072 (8kB); PostgreSQL's default 0; restart */
  commit_timestamp_buffers?: MemoryValue;
  /** Developer Options; PostgreSQL's default error; reload */
  composite_type_mismatch?: "error" | "warn" | "disabled";
  /** Statistics / Monitoring; PostgreSQL's default auto; reload */
  compute_query_id?: boolean | "auto" | "regress" | "on" | "off";
  /** Query Tuning / Other Planner Options; PostgreSQL's default partition; reload */
  constraint_exclusion?: boolean | "partition" | "on" | "off";
  /** Query Tuning / Planner Cost Constants; 0 to 1.79769e+308; PostgreSQL's default 0.005; reload */
  cpu_index_tuple_cost?: NumberValue;
  /** Query Tuning / Planner Cost Constants; 0 to 1.79769e+308; PostgreSQL's default 0.0025; reload */
  cpu_operator_cost?: NumberValue;
  /** Query Tuning / Planner Cost Constants; 0 to 1.79769e+308; PostgreSQL's default 0.01; reload */
  cpu_tuple_cost?: NumberValue;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default empty; reload */
  createrole_self_grant?: string;
  /** Query Tuning / Other Planner Options; 0 to 1; PostgreSQL's default 0.1; reload */
  cursor_tuple_fraction?: NumberValue;
  /** Error Handling; PostgreSQL's default off; restart */
  data_sync_retry?: SwitchValue;
  /** Lock Management; 1 to 2147483647 (ms); PostgreSQL's default 1000; reload */
  deadlock_timeout?: TimeValue;
  /** Developer Options; 0 to 0; PostgreSQL's default 0; reload */
  debug_discard_caches?: NumberValue;
  /** Developer Options; PostgreSQL's default empty; restart */
  debug_io_direct?: string;
  /** Developer Options; PostgreSQL's default buffered; reload */
  debug_logical_replication_streaming?: "buffered" | "immediate";
  /** Developer Options; PostgreSQL's default off; reload */
  debug_parallel_query?: boolean | "off" | "on" | "regress";
  /** Reporting and Logging / What to Log; PostgreSQL's default on; reload */
  debug_pretty_print?: SwitchValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default off; reload */
  debug_print_parse?: SwitchValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default off; reload */
  debug_print_plan?: SwitchValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default off; reload */
  debug_print_rewritten?: SwitchValue;
  /** Query Tuning / Other Planner Options; 1 to 10000; PostgreSQL's default 100; reload */
  default_statistics_target?: NumberValue;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default heap; reload */
  default_table_access_method?: string;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default empty; reload */
  default_tablespace?: string;
  /** Client Connection Defaults / Locale and Formatting; PostgreSQL's default pg_catalog.simple; reload */
  default_text_search_config?: string;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default pglz; reload */
  default_toast_compression?: "pglz" | "lz4";
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default off; reload */
  default_transaction_deferrable?: SwitchValue;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default read committed; reload */
  default_transaction_isolation?: "serializable" | "repeatable read" | "read committed" | "read uncommitted";
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default off; reload */
  default_transaction_read_only?: SwitchValue;
  /** Client Connection Defaults / Other Defaults; PostgreSQL's default $libdir; reload */
  dynamic_library_path?: string;
  /** Resource Usage / Memory; PostgreSQL's default posix; restart */
  dynamic_shared_memory_type?: "posix" | "sysv" | "mmap";
  /** Query Tuning / Planner Cost Constants; 1 to 2147483647 (8kB); PostgreSQL's default 524288; reload */
  effective_cache_size?: MemoryValue;
  /** Resource Usage / Asynchronous Behavior; 0 to 1000; PostgreSQL's default 1; reload */
  effective_io_concurrency?: NumberValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_async_append?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_bitmapscan?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_gathermerge?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_group_by_reordering?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_hashagg?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_hashjoin?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_incremental_sort?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_indexonlyscan?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_indexscan?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_material?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_memoize?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_mergejoin?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_nestloop?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_parallel_append?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_parallel_hash?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_partition_pruning?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default off; reload */
  enable_partitionwise_aggregate?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default off; reload */
  enable_partitionwise_join?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_presorted_aggregate?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_seqscan?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_sort?: SwitchValue;
  /** Query Tuning / Planner Method Configuration; PostgreSQL's default on; reload */
  enable_tidscan?: SwitchValue;
  /** Version and Platform Compatibility / Previous PostgreSQL Versions; PostgreSQL's default on; reload */
  escape_string_warning?: SwitchValue;
  /** Reporting and Logging / Where to Log; PostgreSQL's default PostgreSQL; restart */
  event_source?: string;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default on; reload */
  event_triggers?: SwitchValue;
  /** Error Handling; PostgreSQL's default off; reload */
  exit_on_error?: SwitchValue;
  /** File Locations; PostgreSQL's default empty; reload */
  extension_destdir?: string;
  /** Client Connection Defaults / Locale and Formatting; -15 to 3; PostgreSQL's default 1; reload */
  extra_float_digits?: NumberValue;
  /** Resource Usage / Disk; PostgreSQL's default posix_fallocate; reload */
  file_extend_method?: "posix_fallocate" | "write_zeros";
  /** Query Tuning / Other Planner Options; 1 to 2147483647; PostgreSQL's default 8; reload */
  from_collapse_limit?: NumberValue;
  /** Query Tuning / Genetic Query Optimizer; PostgreSQL's default on; reload */
  geqo?: SwitchValue;
  /** Query Tuning / Genetic Query Optimizer; 1 to 10; PostgreSQL's default 5; reload */
  geqo_effort?: NumberValue;
  /** Query Tuning / Genetic Query Optimizer; 0 to 2147483647; PostgreSQL's default 0; reload */
  geqo_generations?: NumberValue;
  /** Query Tuning / Genetic Query Optimizer; 0 to 2147483647; PostgreSQL's default 0; reload */
  geqo_pool_size?: NumberValue;
  /** Query Tuning / Genetic Query Optimizer; 0 to 1; PostgreSQL's default 0; reload */
  geqo_seed?: NumberValue;
  /** Query Tuning / Genetic Query Optimizer; 1.5 to 2; PostgreSQL's default 2; reload */
  geqo_selection_bias?: NumberValue;
  /** Query Tuning / Genetic Query Optimizer; 2 to 2147483647; PostgreSQL's default 12; reload */
  geqo_threshold?: NumberValue;
  /** Client Connection Defaults / Other Defaults; 0 to 2147483647; PostgreSQL's default 0; reload */
  gin_fuzzy_search_limit?: NumberValue;
  /** Client Connection Defaults / Statement Behavior; 64 to 2147483647 (kB); PostgreSQL's default 4096; reload */
  gin_pending_list_limit?: MemoryValue;
  /** Connections and Authentication / Authentication; PostgreSQL's default off; reload */
  gss_accept_delegation?: SwitchValue;
  /** Resource Usage / Memory; 1 to 1000; PostgreSQL's default 2; reload */
  hash_mem_multiplier?: NumberValue;
  /** Replication / Standby Servers; PostgreSQL's default off; reload */
  hot_standby_feedback?: SwitchValue;
  /** Resource Usage / Memory; 0 to 2147483647 (kB); PostgreSQL's default 0; restart */
  huge_page_size?: MemoryValue;
  /** Resource Usage / Memory; PostgreSQL's default try; restart */
  huge_pages?: boolean | "off" | "on" | "try";
  /** Client Connection Defaults / Locale and Formatting; PostgreSQL's default warning; reload */
  icu_validation_level?:
    | "disabled"
    | "debug5"
    | "debug4"
    | "debug3"
    | "debug2"
    | "debug1"
    | "log"
    | "notice"
    | "warning"
    | "error";
  /** Client Connection Defaults / Statement Behavior; 0 to 2147483647 (ms); PostgreSQL's default 0; reload */
  idle_in_transaction_session_timeout?: TimeValue;
  /** Client Connection Defaults / Statement Behavior; 0 to 2147483647 (ms); PostgreSQL's default 0; reload */
  idle_session_timeout?: TimeValue;
  /** Developer Options; PostgreSQL's default off; restart */
  ignore_invalid_pages?: SwitchValue;
  /** Developer Options; PostgreSQL's default off; reload */
  ignore_system_indexes?: SwitchValue;
  /** Resource Usage / Asynchronous Behavior; 1 to 32 (8kB); PostgreSQL's default 16; reload */
  io_combine_limit?: MemoryValue;
  /** Query Tuning / Other Planner Options; PostgreSQL's default on; reload */
  jit?: SwitchValue;
  /** Query Tuning / Planner Cost Constants; -1 to 1.79769e+308; PostgreSQL's default 100000; reload */
  jit_above_cost?: NumberValue;
  /** Developer Options; PostgreSQL's default off; reload */
  jit_debugging_support?: SwitchValue;
  /** Developer Options; PostgreSQL's default off; reload */
  jit_dump_bitcode?: SwitchValue;
  /** Developer Options; PostgreSQL's default on; reload */
  jit_expressions?: SwitchValue;
  /** Query Tuning / Planner Cost Constants; -1 to 1.79769e+308; PostgreSQL's default 500000; reload */
  jit_inline_above_cost?: NumberValue;
  /** Query Tuning / Planner Cost Constants; -1 to 1.79769e+308; PostgreSQL's default 500000; reload */
  jit_optimize_above_cost?: NumberValue;
  /** Developer Options; PostgreSQL's default off; reload */
  jit_profiling_support?: SwitchValue;
  /** Client Connection Defaults / Shared Library Preloading; PostgreSQL's default llvmjit; restart */
  jit_provider?: string;
  /** Developer Options; PostgreSQL's default on; reload */
  jit_tuple_deforming?: SwitchValue;
  /** Query Tuning / Other Planner Options; 1 to 2147483647; PostgreSQL's default 8; reload */
  join_collapse_limit?: NumberValue;
  /** Connections and Authentication / Authentication; PostgreSQL's default off; reload */
  krb_caseins_users?: SwitchValue;
  /** Connections and Authentication / Authentication; PostgreSQL's default FILE:/etc/postgresql-common/krb5.keytab; reload */
  krb_server_keyfile?: string;
  /** Client Connection Defaults / Locale and Formatting; PostgreSQL's default empty; reload */
  lc_messages?: string;
  /** Client Connection Defaults / Locale and Formatting; PostgreSQL's default C; reload */
  lc_monetary?: string;
  /** Client Connection Defaults / Locale and Formatting; PostgreSQL's default C; reload */
  lc_numeric?: string;
  /** Client Connection Defaults / Locale and Formatting; PostgreSQL's default C; reload */
  lc_time?: string;
  /** Version and Platform Compatibility / Previous PostgreSQL Versions; PostgreSQL's default off; reload */
  lo_compat_privileges?: SwitchValue;
  /** Client Connection Defaults / Shared Library Preloading; PostgreSQL's default empty; reload */
  local_preload_libraries?: string;
  /** Client Connection Defaults / Statement Behavior; 0 to 2147483647 (ms); PostgreSQL's default 0; reload */
  lock_timeout?: TimeValue;
  /** Reporting and Logging / What to Log; -1 to 2147483647 (ms); PostgreSQL's default 600000; reload */
  log_autovacuum_min_duration?: TimeValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default on; reload */
  log_checkpoints?: SwitchValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default off; reload */
  log_connections?: SwitchValue;
  /** Reporting and Logging / Where to Log; PostgreSQL's default stderr; reload */
  log_destination?: string;
  /** Reporting and Logging / Where to Log; PostgreSQL's default log; reload */
  log_directory?: string;
  /** Reporting and Logging / What to Log; PostgreSQL's default off; reload */
  log_disconnections?: SwitchValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default off; reload */
  log_duration?: SwitchValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default default; reload */
  log_error_verbosity?: "terse" | "default" | "verbose";
  /** Statistics / Monitoring; PostgreSQL's default off; reload */
  log_executor_stats?: SwitchValue;
  /** Reporting and Logging / Where to Log; 0 to 511; PostgreSQL's default 384; reload */
  log_file_mode?: NumberValue;
  /** Reporting and Logging / Where to Log; PostgreSQL's default postgresql-%Y-%m-%d_%H%M%S.log; reload */
  log_filename?: string;
  /** Reporting and Logging / What to Log; PostgreSQL's default off; reload */
  log_hostname?: SwitchValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default %m [%p] ; reload */
  log_line_prefix?: string;
  /** Reporting and Logging / What to Log; PostgreSQL's default off; reload */
  log_lock_waits?: SwitchValue;
  /** Reporting and Logging / When to Log; -1 to 2147483647 (ms); PostgreSQL's default -1; reload */
  log_min_duration_sample?: TimeValue;
  /** Reporting and Logging / When to Log; -1 to 2147483647 (ms); PostgreSQL's default -1; reload */
  log_min_duration_statement?: TimeValue;
  /** Reporting and Logging / When to Log; PostgreSQL's default error; reload */
  log_min_error_statement?:
    | "debug5"
    | "debug4"
    | "debug3"
    | "debug2"
    | "debug1"
    | "info"
    | "notice"
    | "warning"
    | "error"
    | "log"
    | "fatal"
    | "panic";
  /** Reporting and Logging / When to Log; PostgreSQL's default warning; reload */
  log_min_messages?:
    | "debug5"
    | "debug4"
    | "debug3"
    | "debug2"
    | "debug1"
    | "info"
    | "notice"
    | "warning"
    | "error"
    | "log"
    | "fatal"
    | "panic";
  /** Reporting and Logging / What to Log; -1 to 1073741823 (B); PostgreSQL's default -1; reload */
  log_parameter_max_length?: MemoryValue;
  /** Reporting and Logging / What to Log; -1 to 1073741823 (B); PostgreSQL's default 0; reload */
  log_parameter_max_length_on_error?: MemoryValue;
  /** Statistics / Monitoring; PostgreSQL's default off; reload */
  log_parser_stats?: SwitchValue;
  /** Statistics / Monitoring; PostgreSQL's default off; reload */
  log_planner_stats?: SwitchValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default off; reload */
  log_recovery_conflict_waits?: SwitchValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default off; reload */
  log_replication_commands?: SwitchValue;
  /** Reporting and Logging / Where to Log; 0 to 35791394 (min); PostgreSQL's default 1440; reload */
  log_rotation_age?: TimeValue;
  /** Reporting and Logging / Where to Log; 0 to 2097151 (kB); PostgreSQL's default 10240; reload */
  log_rotation_size?: MemoryValue;
  /** Reporting and Logging / When to Log; 0 to 2147483647 (ms); PostgreSQL's default 10000; reload */
  log_startup_progress_interval?: TimeValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default none; reload */
  log_statement?: "none" | "ddl" | "mod" | "all";
  /** Reporting and Logging / When to Log; 0 to 1; PostgreSQL's default 1; reload */
  log_statement_sample_rate?: NumberValue;
  /** Statistics / Monitoring; PostgreSQL's default off; reload */
  log_statement_stats?: SwitchValue;
  /** Reporting and Logging / What to Log; -1 to 2147483647 (kB); PostgreSQL's default -1; reload */
  log_temp_files?: MemoryValue;
  /** Reporting and Logging / What to Log; PostgreSQL's default GMT; reload */
  log_timezone?: string;
  /** Reporting and Logging / When to Log; 0 to 1; PostgreSQL's default 0; reload */
  log_transaction_sample_rate?: NumberValue;
  /** Reporting and Logging / Where to Log; PostgreSQL's default off; reload */
  log_truncate_on_rotation?: SwitchValue;
  /** Reporting and Logging / Where to Log; PostgreSQL's default off; restart */
  logging_collector?: SwitchValue;
  /** Resource Usage / Memory; 64 to 2147483647 (kB); PostgreSQL's default 65536; reload */
  logical_decoding_work_mem?: MemoryValue;
  /** Resource Usage / Asynchronous Behavior; 0 to 1000; PostgreSQL's default 10; reload */
  maintenance_io_concurrency?: NumberValue;
  /** Resource Usage / Memory; 64 to 2147483647 (kB); PostgreSQL's default 65536; reload */
  maintenance_work_mem?: MemoryValue;
  /** Connections and Authentication / Connection Settings; 1 to 262143; PostgreSQL's default 100; restart */
  max_connections?: NumberValue;
  /** Resource Usage / Kernel Resources; 64 to 2147483647; PostgreSQL's default 1000; restart */
  max_files_per_process?: NumberValue;
  /** Lock Management; 10 to 2147483647; PostgreSQL's default 64; restart */
  max_locks_per_transaction?: NumberValue;
  /** Replication / Subscribers; 0 to 262143; PostgreSQL's default 4; restart */
  max_logical_replication_workers?: NumberValue;
  /** Resource Usage / Disk; 64 to 2147483647; PostgreSQL's default 1048576; restart */
  max_notify_queue_pages?: NumberValue;
  /** Replication / Subscribers; 0 to 1024; PostgreSQL's default 2; reload */
  max_parallel_apply_workers_per_subscription?: NumberValue;
  /** Resource Usage / Asynchronous Behavior; 0 to 1024; PostgreSQL's default 2; reload */
  max_parallel_maintenance_workers?: NumberValue;
  /** Resource Usage / Asynchronous Behavior; 0 to 1024; PostgreSQL's default 8; reload */
  max_parallel_workers?: NumberValue;
  /** Resource Usage / Asynchronous Behavior; 0 to 1024; PostgreSQL's default 2; reload */
  max_parallel_workers_per_gather?: NumberValue;
  /** Lock Management; 0 to 2147483647; PostgreSQL's default 2; reload */
  max_pred_locks_per_page?: NumberValue;
  /** Lock Management; -2147483648 to 2147483647; PostgreSQL's default -2; reload */
  max_pred_locks_per_relation?: NumberValue;
  /** Lock Management; 10 to 2147483647; PostgreSQL's default 64; restart */
  max_pred_locks_per_transaction?: NumberValue;
  /** Resource Usage / Memory; 0 to 262143; PostgreSQL's default 0; restart */
  max_prepared_transactions?: NumberValue;
  /** Replication / Sending Servers; 0 to 262143; PostgreSQL's default 10; restart */
  max_replication_slots?: NumberValue;
  /** Replication / Sending Servers; -1 to 2147483647 (MB); PostgreSQL's default -1; reload */
  max_slot_wal_keep_size?: MemoryValue;
  /** Resource Usage / Memory; 100 to 2147483647 (kB); PostgreSQL's default 100; reload */
  max_stack_depth?: MemoryValue;
  /** Replication / Standby Servers; -1 to 2147483647 (ms); PostgreSQL's default 30000; reload */
  max_standby_archive_delay?: TimeValue;
  /** Replication / Standby Servers; -1 to 2147483647 (ms); PostgreSQL's default 30000; reload */
  max_standby_streaming_delay?: TimeValue;
  /** Replication / Subscribers; 0 to 262143; PostgreSQL's default 2; reload */
  max_sync_workers_per_subscription?: NumberValue;
  /** Replication / Sending Servers; 0 to 262143; PostgreSQL's default 10; restart */
  max_wal_senders?: NumberValue;
  /** Write-Ahead Log / Checkpoints; 2 to 2147483647 (MB); PostgreSQL's default 1024; reload */
  max_wal_size?: MemoryValue;
  /** Resource Usage / Asynchronous Behavior; 0 to 262143; PostgreSQL's default 8; restart */
  max_worker_processes?: NumberValue;
  /** Resource Usage / Memory; 0 to 2147483647 (MB); PostgreSQL's default 0; restart */
  min_dynamic_shared_memory?: MemoryValue;
  /** Query Tuning / Planner Cost Constants; 0 to 715827882 (8kB); PostgreSQL's default 64; reload */
  min_parallel_index_scan_size?: MemoryValue;
  /** Query Tuning / Planner Cost Constants; 0 to 715827882 (8kB); PostgreSQL's default 1024; reload */
  min_parallel_table_scan_size?: MemoryValue;
  /** Write-Ahead Log / Checkpoints; 2 to 2147483647 (MB); PostgreSQL's default 80; reload */
  min_wal_size?: MemoryValue;
  /** Resource Usage / Memory; 16 to 131072 (8kB); PostgreSQL's default 32; restart */
  multixact_member_buffers?: MemoryValue;
  /** Resource Usage / Memory; 16 to 131072 (8kB); PostgreSQL's default 16; restart */
  multixact_offset_buffers?: MemoryValue;
  /** Resource Usage / Memory; 16 to 131072 (8kB); PostgreSQL's default 16; restart */
  notify_buffers?: MemoryValue;
  /** Replication / Sending Servers; PostgreSQL's default pgoutput, test_decoding; reload */
  output_plugin_libraries?: string;
  /** Resource Usage / Asynchronous Behavior; PostgreSQL's default on; reload */
  parallel_leader_participation?: SwitchValue;
  /** Query Tuning / Planner Cost Constants; 0 to 1.79769e+308; PostgreSQL's default 1000; reload */
  parallel_setup_cost?: NumberValue;
  /** Query Tuning / Planner Cost Constants; 0 to 1.79769e+308; PostgreSQL's default 0.1; reload */
  parallel_tuple_cost?: NumberValue;
  /** Connections and Authentication / Authentication; PostgreSQL's default scram-sha-256; reload */
  password_encryption?: "md5" | "scram-sha-256";
  /** Customized Options; 100 to 1073741823; PostgreSQL's default 5000; restart */
  "pg_stat_statements.max"?: NumberValue;
  /** Customized Options; PostgreSQL's default on; reload */
  "pg_stat_statements.save"?: SwitchValue;
  /** Customized Options; PostgreSQL's default top; reload */
  "pg_stat_statements.track"?: "none" | "top" | "all";
  /** Customized Options; PostgreSQL's default off; reload */
  "pg_stat_statements.track_planning"?: SwitchValue;
  /** Customized Options; PostgreSQL's default on; reload */
  "pg_stat_statements.track_utility"?: SwitchValue;
  /** Query Tuning / Other Planner Options; PostgreSQL's default auto; reload */
  plan_cache_mode?: "auto" | "force_generic_plan" | "force_custom_plan";
  /** Developer Options; 0 to 2147 (s); PostgreSQL's default 0; reload */
  post_auth_delay?: TimeValue;
  /** Developer Options; 0 to 60 (s); PostgreSQL's default 0; reload */
  pre_auth_delay?: TimeValue;
  /** Version and Platform Compatibility / Previous PostgreSQL Versions; PostgreSQL's default off; reload */
  quote_all_identifiers?: SwitchValue;
  /** Query Tuning / Planner Cost Constants; 0 to 1.79769e+308; PostgreSQL's default 4; reload */
  random_page_cost?: NumberValue;
  /** Error Handling; PostgreSQL's default fsync; reload */
  recovery_init_sync_method?: "fsync" | "syncfs";
  /** Write-Ahead Log / Recovery; PostgreSQL's default try; reload */
  recovery_prefetch?: boolean | "off" | "on" | "try";
  /** Query Tuning / Other Planner Options; 0.001 to 1e+06; PostgreSQL's default 10; reload */
  recursive_worktable_factor?: NumberValue;
  /** Developer Options; PostgreSQL's default on; reload */
  remove_temp_files_after_crash?: SwitchValue;
  /** Connections and Authentication / Connection Settings; 0 to 262143; PostgreSQL's default 0; restart */
  reserved_connections?: NumberValue;
  /** Error Handling; PostgreSQL's default on; reload */
  restart_after_crash?: SwitchValue;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default empty; reload */
  restrict_nonsystem_relation_kind?: string;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default on; reload */
  row_security?: SwitchValue;
  /** Connections and Authentication / Authentication; 1 to 2147483647; PostgreSQL's default 4096; reload */
  scram_iterations?: NumberValue;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default "$user", public; reload */
  search_path?: string;
  /** Developer Options; PostgreSQL's default off; reload */
  send_abort_for_crash?: SwitchValue;
  /** Developer Options; PostgreSQL's default off; reload */
  send_abort_for_kill?: SwitchValue;
  /** Query Tuning / Planner Cost Constants; 0 to 1.79769e+308; PostgreSQL's default 1; reload */
  seq_page_cost?: NumberValue;
  /** Resource Usage / Memory; 16 to 131072 (8kB); PostgreSQL's default 32; restart */
  serializable_buffers?: MemoryValue;
  /** Client Connection Defaults / Shared Library Preloading; PostgreSQL's default empty; reload */
  session_preload_libraries?: string;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default origin; reload */
  session_replication_role?: "origin" | "replica" | "local";
  /** Resource Usage / Memory; 16 to 1073741823 (8kB); PostgreSQL's default 16384; restart */
  shared_buffers?: MemoryValue;
  /** Resource Usage / Memory; PostgreSQL's default mmap; restart */
  shared_memory_type?: "sysv" | "mmap";
  /** Client Connection Defaults / Shared Library Preloading; PostgreSQL's default empty; restart */
  shared_preload_libraries?: string;
  /** Connections and Authentication / SSL; PostgreSQL's default HIGH:MEDIUM:+3DES:!aNULL; reload */
  ssl_ciphers?: string;
  /** Connections and Authentication / SSL; PostgreSQL's default empty; reload */
  ssl_dh_params_file?: string;
  /** Connections and Authentication / SSL; PostgreSQL's default prime256v1; reload */
  ssl_ecdh_curve?: string;
  /** Connections and Authentication / SSL; PostgreSQL's default empty; reload */
  ssl_max_protocol_version?: "" | "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  /** Connections and Authentication / SSL; PostgreSQL's default TLSv1.2; reload */
  ssl_min_protocol_version?: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  /** Connections and Authentication / SSL; PostgreSQL's default on; reload */
  ssl_prefer_server_ciphers?: SwitchValue;
  /** Version and Platform Compatibility / Previous PostgreSQL Versions; PostgreSQL's default on; reload */
  standard_conforming_strings?: SwitchValue;
  /** Client Connection Defaults / Statement Behavior; 0 to 2147483647 (ms); PostgreSQL's default 0; reload */
  statement_timeout?: TimeValue;
  /** Statistics / Cumulative Query and Index Statistics; PostgreSQL's default cache; reload */
  stats_fetch_consistency?: "none" | "cache" | "snapshot";
  /** Resource Usage / Memory; 0 to 131072 (8kB); PostgreSQL's default 0; restart */
  subtransaction_buffers?: MemoryValue;
  /** Write-Ahead Log / Summarization; PostgreSQL's default off; reload */
  summarize_wal?: SwitchValue;
  /** Connections and Authentication / Connection Settings; 0 to 262143; PostgreSQL's default 3; restart */
  superuser_reserved_connections?: NumberValue;
  /** Replication / Standby Servers; PostgreSQL's default off; reload */
  sync_replication_slots?: SwitchValue;
  /** Version and Platform Compatibility / Previous PostgreSQL Versions; PostgreSQL's default on; reload */
  synchronize_seqscans?: SwitchValue;
  /** Write-Ahead Log / Settings; PostgreSQL's default on; reload */
  synchronous_commit?: boolean | "local" | "remote_write" | "remote_apply" | "on" | "off";
  /** Reporting and Logging / Where to Log; PostgreSQL's default local0; reload */
  syslog_facility?: "local0" | "local1" | "local2" | "local3" | "local4" | "local5" | "local6" | "local7";
  /** Reporting and Logging / Where to Log; PostgreSQL's default postgres; reload */
  syslog_ident?: string;
  /** Reporting and Logging / Where to Log; PostgreSQL's default on; reload */
  syslog_sequence_numbers?: SwitchValue;
  /** Reporting and Logging / Where to Log; PostgreSQL's default on; reload */
  syslog_split_messages?: SwitchValue;
  /** Connections and Authentication / TCP Settings; 0 to 2147483647; PostgreSQL's default 0; reload */
  tcp_keepalives_count?: NumberValue;
  /** Connections and Authentication / TCP Settings; 0 to 2147483647 (s); PostgreSQL's default 0; reload */
  tcp_keepalives_idle?: TimeValue;
  /** Connections and Authentication / TCP Settings; 0 to 2147483647 (s); PostgreSQL's default 0; reload */
  tcp_keepalives_interval?: TimeValue;
  /** Connections and Authentication / TCP Settings; 0 to 2147483647 (ms); PostgreSQL's default 0; reload */
  tcp_user_timeout?: TimeValue;
  /** Resource Usage / Memory; 100 to 1073741823 (8kB); PostgreSQL's default 1024; reload */
  temp_buffers?: MemoryValue;
  /** Resource Usage / Disk; -1 to 2147483647 (kB); PostgreSQL's default -1; reload */
  temp_file_limit?: MemoryValue;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default empty; reload */
  temp_tablespaces?: string;
  /** Client Connection Defaults / Locale and Formatting; reload */
  timezone_abbreviations?: string;
  /** Developer Options; PostgreSQL's default off; restart */
  trace_connection_negotiation?: SwitchValue;
  /** Developer Options; PostgreSQL's default off; reload */
  trace_notify?: SwitchValue;
  /** Developer Options; PostgreSQL's default off; reload */
  trace_sort?: SwitchValue;
  /** Statistics / Cumulative Query and Index Statistics; PostgreSQL's default on; reload */
  track_activities?: SwitchValue;
  /** Statistics / Cumulative Query and Index Statistics; 100 to 1048576 (B); PostgreSQL's default 1024; restart */
  track_activity_query_size?: MemoryValue;
  /** Replication / Sending Servers; PostgreSQL's default off; restart */
  track_commit_timestamp?: SwitchValue;
  /** Statistics / Cumulative Query and Index Statistics; PostgreSQL's default on; reload */
  track_counts?: SwitchValue;
  /** Statistics / Cumulative Query and Index Statistics; PostgreSQL's default none; reload */
  track_functions?: "none" | "pl" | "all";
  /** Statistics / Cumulative Query and Index Statistics; PostgreSQL's default off; reload */
  track_io_timing?: SwitchValue;
  /** Statistics / Cumulative Query and Index Statistics; PostgreSQL's default off; reload */
  track_wal_io_timing?: SwitchValue;
  /** Resource Usage / Memory; 0 to 131072 (8kB); PostgreSQL's default 0; restart */
  transaction_buffers?: MemoryValue;
  /** Client Connection Defaults / Statement Behavior; 0 to 2147483647 (ms); PostgreSQL's default 0; reload */
  transaction_timeout?: TimeValue;
  /** Version and Platform Compatibility / Other Platforms and Clients; PostgreSQL's default off; reload */
  transform_null_equals?: SwitchValue;
  /** Reporting and Logging / Process Title; PostgreSQL's default on; reload */
  update_process_title?: SwitchValue;
  /** Resource Usage / Memory; 0 to 16777216 (kB); PostgreSQL's default 2048; reload */
  vacuum_buffer_usage_limit?: MemoryValue;
  /** Resource Usage / Cost-Based Vacuum Delay; 0 to 100 (ms); PostgreSQL's default 0; reload */
  vacuum_cost_delay?: TimeValue;
  /** Resource Usage / Cost-Based Vacuum Delay; 1 to 10000; PostgreSQL's default 200; reload */
  vacuum_cost_limit?: NumberValue;
  /** Resource Usage / Cost-Based Vacuum Delay; 0 to 10000; PostgreSQL's default 20; reload */
  vacuum_cost_page_dirty?: NumberValue;
  /** Resource Usage / Cost-Based Vacuum Delay; 0 to 10000; PostgreSQL's default 1; reload */
  vacuum_cost_page_hit?: NumberValue;
  /** Resource Usage / Cost-Based Vacuum Delay; 0 to 10000; PostgreSQL's default 2; reload */
  vacuum_cost_page_miss?: NumberValue;
  /** Client Connection Defaults / Statement Behavior; 0 to 2100000000; PostgreSQL's default 1600000000; reload */
  vacuum_failsafe_age?: NumberValue;
  /** Client Connection Defaults / Statement Behavior; 0 to 1000000000; PostgreSQL's default 50000000; reload */
  vacuum_freeze_min_age?: NumberValue;
  /** Client Connection Defaults / Statement Behavior; 0 to 2000000000; PostgreSQL's default 150000000; reload */
  vacuum_freeze_table_age?: NumberValue;
  /** Client Connection Defaults / Statement Behavior; 0 to 2100000000; PostgreSQL's default 1600000000; reload */
  vacuum_multixact_failsafe_age?: NumberValue;
  /** Client Connection Defaults / Statement Behavior; 0 to 1000000000; PostgreSQL's default 5000000; reload */
  vacuum_multixact_freeze_min_age?: NumberValue;
  /** Client Connection Defaults / Statement Behavior; 0 to 2000000000; PostgreSQL's default 150000000; reload */
  vacuum_multixact_freeze_table_age?: NumberValue;
  /** Write-Ahead Log / Settings; -1 to 262143 (8kB); PostgreSQL's default -1; restart */
  wal_buffers?: MemoryValue;
  /** Write-Ahead Log / Settings; PostgreSQL's default off; reload */
  wal_compression?: boolean | "pglz" | "lz4" | "zstd" | "on" | "off";
  /** Developer Options; PostgreSQL's default empty; reload */
  wal_consistency_checking?: string;
  /** Write-Ahead Log / Recovery; 65536 to 1073741823 (B); PostgreSQL's default 524288; restart */
  wal_decode_buffer_size?: MemoryValue;
  /** Write-Ahead Log / Settings; PostgreSQL's default on; reload */
  wal_init_zero?: SwitchValue;
  /** Replication / Sending Servers; 0 to 2147483647 (MB); PostgreSQL's default 0; reload */
  wal_keep_size?: MemoryValue;
  /** Replication / Standby Servers; PostgreSQL's default off; reload */
  wal_receiver_create_temp_slot?: SwitchValue;
  /** Replication / Standby Servers; 0 to 2147483 (s); PostgreSQL's default 10; reload */
  wal_receiver_status_interval?: TimeValue;
  /** Replication / Standby Servers; 0 to 2147483647 (ms); PostgreSQL's default 60000; reload */
  wal_receiver_timeout?: TimeValue;
  /** Write-Ahead Log / Settings; PostgreSQL's default on; reload */
  wal_recycle?: SwitchValue;
  /** Replication / Standby Servers; 1 to 2147483647 (ms); PostgreSQL's default 5000; reload */
  wal_retrieve_retry_interval?: TimeValue;
  /** Replication / Sending Servers; 0 to 2147483647 (ms); PostgreSQL's default 60000; reload */
  wal_sender_timeout?: TimeValue;
  /** Write-Ahead Log / Settings; 0 to 2147483647 (kB); PostgreSQL's default 2048; reload */
  wal_skip_threshold?: MemoryValue;
  /** Write-Ahead Log / Summarization; 0 to 35791394 (min); PostgreSQL's default 14400; reload */
  wal_summary_keep_time?: TimeValue;
  /** Write-Ahead Log / Settings; PostgreSQL's default fdatasync; reload */
  wal_sync_method?: "fsync" | "fdatasync" | "open_sync" | "open_datasync";
  /** Write-Ahead Log / Settings; 1 to 10000 (ms); PostgreSQL's default 200; reload */
  wal_writer_delay?: TimeValue;
  /** Write-Ahead Log / Settings; 0 to 2147483647 (8kB); PostgreSQL's default 128; reload */
  wal_writer_flush_after?: MemoryValue;
  /** Resource Usage / Memory; 64 to 2147483647 (kB); PostgreSQL's default 4096; reload */
  work_mem?: MemoryValue;
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default base64; reload */
  xmlbinary?: "base64" | "hex";
  /** Client Connection Defaults / Statement Behavior; PostgreSQL's default content; reload */
  xmloption?: "content" | "document";
  [custom: `${string}.${string}`]: string | number | boolean;
}
