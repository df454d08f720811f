//! What every store must do, run on SQLite always and on PostgreSQL where `SOGOC_TEST_POSTGRES` names a server.

mod conformance {
    pub mod stage;

    mod appending;
}
