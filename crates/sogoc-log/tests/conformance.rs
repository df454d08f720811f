//! What every store must do, run on SQLite always and on PostgreSQL where `SOGOC_TEST_POSTGRES` names a server.

mod conformance {
    pub(crate) mod stage;

    mod appending;
    mod attacking;
    mod checking;
    mod copying;
    mod exporting;
    mod failing;
    mod framework;
    mod keeping;
    mod leasing;
    mod opening;
    mod proving;
    mod signing;
}
