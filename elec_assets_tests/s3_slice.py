"""The tests that `make test` runs on S3 too; `make prove` runs all that use a store."""

SLICE = {
    "elec_assets_tests.clients.test_compliance": ("test_a_scrubbed_place_goes_and_the_post_stays",),
    "elec_assets_tests.clients.test_hour_sealer": (
        "test_a_whole_hour_is_ok",
        "test_a_rerun_of_a_done_hour_asks_nothing_and_gives_the_same_bytes",
        "test_a_table_is_not_replaced_by_a_smaller_one",
    ),
    "elec_assets_tests.clients.test_search_fill": (
        "test_a_crash_at_any_write_is_mended_by_a_rerun_and_never_understates_the_bill",
        "test_two_runs_at_the_same_millisecond_do_not_write_over_each_other",
    ),
    "elec_assets_tests.clients.test_spend_ledger": (
        "test_a_call_is_reserved_before_and_settled_after",
        "test_a_damaged_ledger_stops_all_spending",
    ),
    "elec_assets_tests.clients.test_weekly_archive": (
        "test_both_files_hold_the_rows_and_the_csv_is_the_reference",
        "test_rows_out_of_order_write_nothing",
    ),
}
