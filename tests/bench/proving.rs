//! Bundles of a country's season: how long they take to make and to verify, and how large they are.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use sogoc_app::{Files, Signing, Texts};
use sogoc_domain::values::AccountId;
use sogoc_proof::{Algorithm, Policy, SignerKey};
use sogoc_register::bundle::{Completeness, Depth, verify_bundle};

use crate::Bench;
use crate::commands::Live;
use crate::country::{ADMINISTRATOR, CHAIR, SECRETARY, Season, command, id};
use crate::report::{Row, duration, median};

/// Another council member than the chair: two must agree.
const MEMBER: &str = "thanh-vien-2";
/// How often each is made and verified; the median counts.
const TIMES: u32 = 11;

impl Bench {
    /// Announces and publishes the country's season, and proves figures of it.
    pub(crate) async fn prove(&mut self) -> anyhow::Result<()> {
        let country = self.country().await?;
        let live = Live::open(&country.url, 0).await?;
        let season = Season::country(self.agencies, 1);
        publish(&live, &season).await?;
        let key = SignerKey::from_seed(live.app.log().name(), Algorithm::Ed25519, [1; 32])?;
        let policy = Policy::parse(format!("log {}\nquorum none\n", key.verifier()).as_bytes())?;
        live.app.keep_signed(Signing { key, earlier: Vec::new(), kept: None });
        let start = Instant::now();
        live.app.sign().await?.context("a key")?;
        self.report.time("first checkpoint of that log, its root recomputed", start.elapsed().as_secs_f64(), None);
        let agency = season.agency(0);
        for (name, verified_below, mib_below) in [("index", Some(0.1), 2.0), ("rank", None, 4.0)] {
            let address = format!("{}/xa/{agency}/{name}", season.id);
            let (mut makes, mut verifies, mut bytes) = (Vec::new(), Vec::new(), 0);
            for _ in 0..TIMES {
                let start = Instant::now();
                let plan = {
                    let register = live.app.register();
                    register.bundle(&address, register.bundle_cut(&address), Depth::Table)?
                };
                let bundle = live.app.bundle(&plan, Texts::Sealed, Files::LeftOut).await?;
                makes.push(start.elapsed().as_secs_f64());
                bytes = bundle.len();
                let start = Instant::now();
                let proved = verify_bundle(&bundle, &policy)?;
                verifies.push(start.elapsed().as_secs_f64());
                ensure!(matches!(proved.completeness, Completeness::Proved { .. }), "{address} is not complete");
            }
            let mib = bytes as f64 / 1_048_576.0;
            self.report.row(Row {
                what: format!("bundle of an agency's {name}"),
                ours: format!("{mib:.2} MiB, made in {}", duration(median(makes))),
                peer: String::new(),
                ratio: String::new(),
                target: format!("< {mib_below} MiB"),
                reached: Some(mib < mib_below),
            });
            self.report.time(format!("verifying it ({name})"), median(verifies), verified_below);
        }
        live.close().await;
        Ok(())
    }
}

async fn publish(live: &Live, season: &Season) -> anyhow::Result<()> {
    let hand = live.hand();
    let does = async |account: &str, act: Value| hand.gives(&id::<AccountId>(account), command(act)?).await;
    let account = json!({"account": MEMBER, "agency": "hoi-dong", "name": "Thành viên Hội đồng"});
    does(ADMINISTRATOR, json!({"type": "open-account", "account": account})).await?;
    for (account, kind) in [(ADMINISTRATOR, "propose-role"), (CHAIR, "approve-role")] {
        does(account, json!({"type": kind, "account": MEMBER, "role": "council-member", "scope": {}})).await?;
    }
    let season = &season.id;
    does(SECRETARY, json!({"type": "announce-results", "season": season})).await?;
    for member in [CHAIR, MEMBER] {
        does(member, json!({"type": "approve-results", "season": season, "number": 1})).await?;
    }
    does(SECRETARY, json!({"type": "publish-edition", "season": season, "announcement": 1, "kind": "official"})).await
}
