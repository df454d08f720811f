//! Sign-in on real stores: on SQLite always, on PostgreSQL where `SOGOC_TEST_POSTGRES` names a server.

mod credentials;
mod oidc;
mod sealed_seeds;
mod second_factor;
mod sessions;
mod signing_in;
mod stage;
mod tokens;

/// Runs each function once on each store: `async fn name(stage: Stage)`.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::access::tests::stage::Stage::sqlite().await).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(stage) = crate::access::tests::stage::Stage::postgres().await {
                    super::$name(stage).await;
                }
            })*
        }
    };
}
use on_both_stores;
