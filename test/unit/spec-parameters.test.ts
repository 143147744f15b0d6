/** Parameters of PostgreSQL: names, values and notations, as PostgreSQL 17 takes them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ParameterInfo,
  parameterContext,
  parameterInfo,
  parameterTable,
  tableDifferences,
} from "../../components/spec";
import { checkParameters } from "../../components/spec/parameters/check";
import { controlled, PATRONI_LEAST } from "../../components/spec/parameters/controlled";
import { checkValue } from "../../components/spec/parameters/value";

const problemOf = (name: string, value: string | number | boolean) =>
  checkParameters(17, { [name]: value }).mistakes.map(({ problem }) => problem);
const canonical = (name: string, value: string | number | boolean) =>
  checkParameters(17, { [name]: value }).values[name];

describe("a value", () => {
  // The right side was what `SET` and then `SHOW` gave on a server of version 17.12.
  it.each([
    ["work_mem", "1GB", "1GB"],
    ["work_mem", "1024MB", "1GB"],
    ["work_mem", 1048576, "1GB"],
    ["work_mem", "30.1GB", "30822MB"],
    ["work_mem", "1.5 MB", "1536kB"],
    ["work_mem", "0x400", "1MB"],
    ["work_mem", "1e3", "1000kB"],
    ["temp_buffers", "0x400", "8MB"],
    ["temp_buffers", "0762", "3984kB"],
    ["temp_buffers", "1000kB", "1000kB"],
    ["statement_timeout", "0.5s", "500ms"],
    ["statement_timeout", "90s", "90s"],
    ["statement_timeout", 0, "0"],
    ["statement_timeout", "60000", "1min"],
    ["checkpoint_timeout", 300, "5min"],
    ["checkpoint_timeout", "24h", "1d"],
    ["vacuum_cost_delay", "2500us", "2500us"],
    ["vacuum_cost_delay", "2.5", "2500us"],
    ["vacuum_cost_delay", "0.57ms", "570us"],
    ["vacuum_cost_delay", "0.00001", "0.00001"],
    ["log_min_duration_statement", -1, "-1"],
    ["log_temp_files", "10 MB", "10MB"],
    ["max_slot_wal_keep_size", "-1", "-1"],
    ["seq_page_cost", ".50", "0.5"],
    ["hash_mem_multiplier", 2, "2"],
    ["max_parallel_workers", "8.4", "8"],
    ["max_parallel_workers", "2.5", "2"],
    ["log_file_mode", "0640", "0640"],
    ["jit", true, "on"],
    ["jit", "YES", "on"],
    ["jit", 0, "off"],
    ["synchronous_commit", false, "off"],
    ["wal_compression", "LZ4", "lz4"],
    ["search_path", "a,  b", "a,b"],
    ["search_path", '"$user", public', '"$user", public'],
    ["archive_command", "cp %p /x, y", "cp %p /x, y"],
  ] as const)("%s = %j is %s", (name, given, expected) => {
    expect(canonical(name, given)).toBe(expected);
  });

  it.each([
    ["work_mem", "1kb", 'got "1kb"; expected a size such as "64MB" from 64kB to about 2TB (the unit is written kB)'],
    ["work_mem", "10s", /units are TB, GB, MB, kB, B/],
    ["work_mem", "much", /expected a size such as "64MB"/],
    ["work_mem", true, 'got true; expected a size such as "64MB" from 64kB to about 2TB'],
    ["work_mem", "63kB", /^got "63kB"; expected a size/],
    ["work_mem", "08", /^got "08"/],
    ["work_mem", "", /^got ""/],
    ["temp_buffers", Number.NaN, /^got NaN/],
    ["temp_buffers", Number.POSITIVE_INFINITY, /^got Infinity/],
    ["statement_timeout", "1 fortnight", /units are d, h, min, s, ms, us/],
    ["checkpoint_timeout", "29s", 'got "29s"; expected a duration such as "30s" from 30s to 1d'],
    ["effective_io_concurrency", "200ms", 'got "200ms"; expected a whole number from 0 to 1000 (it has no unit)'],
    ["effective_io_concurrency", 1001, "got 1001; expected a whole number from 0 to 1000"],
    ["checkpoint_completion_target", 1.1, "got 1.1; expected a number from 0 to 1"],
    ["jit", "maybe", 'got "maybe"; expected true or false'],
    ["jit", 2, "got 2; expected true or false"],
    ["synchronous_commit", "remote", 'got "remote"; expected one of local, remote_write, remote_apply, on, off'],
    ["wal_compression", "lz5", 'got "lz5"; expected one of pglz, lz4, zstd, on, off (did you mean lz4?)'],
    ["archive_command", "a\nb", /expected text on one line/],
    ["archive_command", false, "got false; expected text"],
  ] as const)("%s = %j is refused", (name, given, expected) => {
    const [problem = "accepted"] = problemOf(name, given);
    if (typeof expected === "string") expect(problem).toBe(expected);
    else expect(problem).toMatch(expected);
  });

  it("in canonical notation stays as it is, whatever it was written like", () => {
    const numbers = [...parameterTable(17).values()].filter(
      ({ vartype }) => vartype === "integer" || vartype === "real",
    );
    const units = ["", "B", "kB", "MB", "GB", "us", "ms", "s", "min", "h"];
    const amount = fc.oneof(fc.nat(100_000), fc.double({ min: 0, max: 5000, noNaN: true }), fc.constant(-1));
    let accepted = 0;
    fc.assert(
      fc.property(fc.constantFrom(...numbers), amount, fc.constantFrom(...units), (info, amount, unit) => {
        const first = checkValue(info, `${amount}${unit}`);
        if (!("value" in first)) return;
        accepted++;
        expect(checkValue(info, first.value)).toEqual(first);
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(200);
  });
});

describe("a name", () => {
  it("is known whatever its case, and comes out as the server spells it", () => {
    expect(checkParameters(17, { DATESTYLE: "iso", Work_Mem: "8MB" }).values).toEqual({
      DateStyle: "iso",
      work_mem: "8MB",
    });
  });

  it("is not given twice in two spellings", () => {
    expect(checkParameters(17, { TimeZone: "UTC", timezone: "CET" }).mistakes).toEqual([
      {
        path: "postgresql.parameters.timezone",
        problem: "it is given twice, in two spellings of TimeZone (case does not matter: remove one)",
      },
    ]);
  });

  it.each([
    ["shared_bufers", "PostgreSQL 17 has no such parameter (did you mean shared_buffers?)"],
    ["wal_keep_segments", "PostgreSQL 17 has no such parameter (wal_keep_size took its place)"],
    ["nonsense", "PostgreSQL 17 has no such parameter (names of extensions' parameters have a dot in them)"],
    [
      "pg_stat_statements.trak",
      "PostgreSQL 17 has no such parameter of pg_stat_statements (did you mean pg_stat_statements.track?)",
    ],
    ["a b.c", /^PostgreSQL 17 has no such parameter/],
  ] as const)("%s is unknown", (name, expected) => {
    const [problem = "accepted"] = problemOf(name, 1);
    if (typeof expected === "string") expect(problem).toBe(expected);
    else expect(problem).toMatch(expected);
  });

  it("with a dot belongs to an extension or an application", () => {
    expect(checkParameters(17, { "timescaledb.telemetry_level": "off", "app.user_id": 7, "app.on": true })).toEqual({
      values: { "app.on": "on", "app.user_id": "7", "timescaledb.telemetry_level": "off" },
      mistakes: [],
    });
  });
});

describe("a parameter that the program or Patroni controls", () => {
  it.each([
    ["wal_level", "minimal"],
    ["synchronous_standby_names", "*"],
    ["listen_addresses", "*"],
    ["port", 5433],
    ["primary_conninfo", "x"],
    ["ssl_cert_file", "x"],
    ["recovery_target_time", "x"],
    ["data_checksums", true],
    ["fsync", false],
    ["password_encryption", "md5"],
    ["autovacuum", false],
  ] as const)("%s is refused with reason and advice", (name, value) => {
    expect(problemOf(name, value)[0]).toMatch(/^[a-z_0-9]+( = \S+)? cannot be declared: .+ \(.+\)$/);
  });

  it("may be declared as it is anyway, where only other values do harm", () => {
    expect(checkParameters(17, { password_encryption: "scram-sha-256", autovacuum: true }).mistakes).toEqual([]);
  });

  it("is named after a parameter that exists", () => {
    const names = [
      "listen_addresses",
      "port",
      "cluster_name",
      "hot_standby",
      "wal_level",
      "hba_file",
      "restore_command",
    ];
    for (const name of names) expect(parameterInfo(17, name), name).toBeDefined();
    for (const name of Object.keys(PATRONI_LEAST)) expect(parameterInfo(17, name), name).toBeDefined();
  });

  it("counts as too small where Patroni would drop it without a word", () => {
    expect(problemOf("max_worker_processes", 1)).toEqual(["got 1; expected a whole number from 2 to 262143"]);
    expect(problemOf("wal_keep_size", "8MB")[0]).toMatch(/from 16MB/);
  });
});

describe("the table of PostgreSQL 17", () => {
  const table = parameterTable(17);

  it("tells when a change comes into force", () => {
    expect(parameterContext(17, "shared_buffers")).toBe("postmaster");
    expect(parameterContext(17, "max_wal_size")).toBe("sighup");
    expect(parameterContext(17, "work_mem")).toBe("user");
    expect(parameterContext(17, "log_connections")).toBe("superuser-backend");
    expect(parameterContext(17, "block_size")).toBe("internal");
    expect(parameterContext(17, "DATESTYLE")).toBe("user");
    expect(parameterContext(17, "app.user_id")).toBe("user");
    expect(parameterContext(17, "nonsense")).toBeUndefined();
  });

  it("has the parameters of the libraries that every cluster loads", () => {
    expect(table.has("pg_stat_statements.max")).toBe(true);
    expect(table.has("auto_explain.log_min_duration")).toBe(true);
  });

  it("takes PostgreSQL's own defaults", () => {
    const settable = [...table.values()].filter(
      (info) => controlled(info) === undefined && info.boot !== undefined && !(info.name in PATRONI_LEAST),
    );
    expect(settable.length).toBeGreaterThan(300);
    for (const info of settable) expect(checkValue(info, info.boot as string), info.name).toHaveProperty("value");
  });

  it("is compared with a server parameter by parameter", () => {
    const rows = [...table.values()];
    expect(tableDifferences(17, rows)).toEqual([]);
    const changed = rows.map((row): ParameterInfo => (row.name === "work_mem" ? { ...row, max: "1" } : row));
    expect(tableDifferences(17, changed)).toHaveLength(1);
    expect(tableDifferences(17, changed)[0]).toMatch(/^work_mem: /);
    expect(tableDifferences(17, rows.slice(1))).toEqual([`${rows[0]?.name}: not on the server`]);
    const more: ParameterInfo = { name: "x", vartype: "bool", context: "user", category: "" };
    expect(tableDifferences(17, [...rows, more, { ...more, name: "x.y" }])).toEqual(["x: not in the table"]);
  });
});
