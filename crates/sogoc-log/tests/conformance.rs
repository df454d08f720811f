//! What every store must do, run on SQLite always and on PostgreSQL where `SOGOC_TEST_POSTGRES` names a server.

mod conformance {
    pub(crate) mod stage;

    mod appending;
    mod checking;
    mod copying;
    mod failing;
    mod framework;
    mod keeping;
    mod opening;
}
