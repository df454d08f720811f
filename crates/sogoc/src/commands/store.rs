//! `sogoc store migrate` and `sogoc mirror rebuild`.

use serde_json::json;
use sogoc_log::{Log, Options};

use crate::cli::{Global, MirrorCommand, StoreCommand};
use crate::output::Output;
use crate::{Ended, open};

pub(crate) async fn run(global: &Global, output: &Output, command: &StoreCommand) -> Ended {
    let StoreCommand::Migrate = command;
    open::check_store(&global.store)?;
    let options = Options { name: global.log_name.clone(), ..Options::default() };
    let created = Log::migrate(&global.store, &options).await?;
    output.answer(&json!({ "created": created }), || {
        let text = if created {
            output.lang.pick("đã lập kho mới\n", "a new store was made\n")
        } else {
            output.lang.pick("kho đã đúng phiên bản\n", "the store is up to date\n")
        };
        text.to_owned()
    })
}

pub(crate) async fn mirror(global: &Global, output: &Output, command: &MirrorCommand) -> Ended {
    let MirrorCommand::Rebuild = command;
    let app = open::to_read(global, output).await?;
    let mirrored = app.rebuild_mirror().await;
    app.close().await;
    let mirrored = mirrored?;
    output.answer(&mirrored, || {
        let (vi, en) = (
            format!("đã dựng lại bản sao SQL: {} dòng, đến hết mục {}\n", mirrored.rows, mirrored.entries),
            format!("the SQL mirror was built anew: {} rows, up to entry {}\n", mirrored.rows, mirrored.entries),
        );
        output.lang.pick(&vi, &en).to_owned()
    })
}
