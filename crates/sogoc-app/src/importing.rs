//! What an import must know of the register before its files become a plan.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use sogoc_domain::World;
use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::refusal::{Code, Refusal};
use sogoc_domain::roles::Role;
use sogoc_domain::values::{AccountId, AgencyId, SeasonId, Timestamp};
use sogoc_log::{LogError, Uuid};

use crate::drafting::command_digest;
use crate::evidence::EvidenceError;
use crate::execute::{ExecuteError, Origin, Receipt};
use crate::import::results_table::{self, Existing, Officials, Standing};
use crate::import::scorecard_sheet::{self, Sheet, SheetLeaf, SheetRules};
use crate::import::season_folder::{self, Founding};
use crate::import::{ImportError, Plan, Source, live_sample};
use crate::open::App;
use crate::run_plan::PlanError;

/// Namespace of the ids of imported scorecard sheets: fixed for ever.
const SHEETS: Uuid = Uuid::from_u128(0x1d7c_58aa_6f03_5e2b_8c11_94d6_3be0_07f2);

/// Why an import came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ImportFailure {
    /// The files cannot be read.
    #[error(transparent)]
    File(#[from] ImportError),
    /// A command of the plan is refused, or the log did not answer.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A rule forbids it.
    #[error(transparent)]
    Refusal(Box<Refusal>),
    /// The log did not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The evidence store did not answer.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

impl From<Refusal> for ImportFailure {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(Box::new(refusal))
    }
}

impl From<ExecuteError> for ImportFailure {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Refusal(refusal) => Self::Refusal(refusal),
            ExecuteError::Log(error) => Self::Log(error),
            ExecuteError::Evidence(error) => Self::Evidence(error),
        }
    }
}

/// The sheet of one scorecard, and who declares it.
#[derive(Clone, Copy, Debug)]
pub struct SheetImport<'a> {
    /// Name of the file, for messages.
    pub file: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The season.
    pub season: &'a SeasonId,
    /// The agency.
    pub agency: &'a AgencyId,
    /// Who declares; the agency's first account that may, where absent.
    pub account: Option<&'a AccountId>,
    /// When it was declared, in an imported season.
    pub occurred: Option<Timestamp>,
}

impl App {
    /// Plans the import of a season folder.
    ///
    /// # Errors
    /// The first fault of the files, or a register that nobody could let the folder's accounts into.
    pub async fn plan_season(&self, source: &(dyn Source + Sync)) -> Result<Plan, ImportFailure> {
        let season = season_folder::season_of(source)?;
        let founding = match self.officials(season_folder::founding_id(&season)).await? {
            None => Founding::ByThisImport,
            Some(Officials { administrator, approver }) => Founding::Founded { administrator, approver },
        };
        let mut plan = season_folder::plan(source, &founding)?;
        if self.evidence().is_err() {
            // Without a store for files, what the folder states of them is recorded and nothing else.
            plan.files.clear();
            plan.commands.retain(|planned| !matches!(planned.envelope.command, Command::AdoptTrustAnchors(_)));
        }
        Ok(plan)
    }

    /// Stores the files of a plan: before its commands are run, which name them.
    ///
    /// # Errors
    /// When a file cannot be read any more, is not what it was when it was planned, or is not taken by the store.
    pub async fn store_files(&self, source: &(dyn Source + Sync), plan: &Plan) -> Result<(), ImportFailure> {
        for file in &plan.files {
            if self.evidence_erased_by(&file.digest).is_some() {
                continue;
            }
            let changed = || {
                let reason = "the file was changed while the folder was read";
                ImportError::of_file(&file.name, reason, "run the import again")
            };
            let bytes = source.read(&file.name).ok().flatten().ok_or_else(changed)?;
            let stored = self.put_evidence(&bytes[..], u64::MAX).await?;
            if stored.digest.0 != file.digest.0 {
                return Err(changed().into());
            }
        }
        Ok(())
    }

    /// Plans the import of a past season's printed table.
    ///
    /// # Errors
    /// As [`App::plan_season`].
    pub async fn plan_results(
        &self,
        file: &str,
        bytes: &[u8],
        params: &results_table::Params,
    ) -> Result<Plan, ImportFailure> {
        let founded = self.officials(results_table::founding_id(&params.season, &params.group)).await?;
        let existing = existing(self.register().world(), &params.season, founded, self.now());
        Ok(results_table::plan(file, bytes, params, &existing)?)
    }

    /// Plans the live sample season: set up today where the register does not hold it, else as it was begun.
    #[must_use]
    pub fn plan_live_sample(&self) -> Plan {
        live_sample::plan(self.register().world().seasons.get(&live_sample::season()).map(AsRef::as_ref), self.now())
    }

    /// Declares an agency's leaves from a sheet. The same sheet imported again records nothing new, unless one of its
    /// leaves changed since: then it is declared anew.
    ///
    /// # Errors
    /// The first fault of the file, or the refusal of the command.
    pub async fn import_sheet(&self, import: &SheetImport<'_>) -> Result<(Sheet, Receipt), ImportFailure> {
        let (sheet, account) = {
            let register = self.register();
            let rules = sheet_rules(register.world(), import.season, import.agency)?;
            let sheet = scorecard_sheet::read(import.file, import.bytes, import.season, import.agency, &rules)?;
            let account = match import.account {
                Some(account) => account.clone(),
                None => declaring_account(register.world(), import, self.now())?,
            };
            (sheet, account)
        };
        let mut envelope = Envelope {
            account,
            command_id: Uuid::nil(),
            on_behalf_of: None,
            capacity: None,
            seen: None,
            instrument: None,
            occurred: import.occurred,
            command: sheet.command.clone().into(),
        };
        let content = command_digest(&envelope)?;
        for time in 0_u32.. {
            envelope.command_id = Uuid::new_v5(&SHEETS, &[&content[..], &time.to_be_bytes()].concat());
            let known = self.log().receipt(envelope.command_id).await?;
            let moved = known.is_some_and(|(_, receipt)| {
                let last = receipt.positions.last().map_or(0, |position| position.0);
                self.leaf_moved_after(&sheet, last)
            });
            if !moved {
                break;
            }
        }
        let correlation = format!("sheet:{}", hex_start(&Sha256::digest(import.bytes)));
        let nothing_to_do = |refusal: &Refusal| refusal.code == Code::NothingToDo;
        let receipt = match self.execute(&envelope, Origin { correlation: Some(&correlation) }).await {
            Ok(mut receipt) => {
                // A row that says what is recorded already is no failure of a sheet.
                receipt.failures.retain(|failure| !nothing_to_do(&failure.refusal));
                receipt
            }
            Err(ExecuteError::Refusal(refusal)) if nothing_to_do(&refusal) => Receipt {
                command_id: envelope.command_id,
                positions: Vec::new(),
                at: self.now(),
                repeated: true,
                failures: Vec::new(),
            },
            Err(error) => return Err(error.into()),
        };
        Ok((sheet, receipt))
    }

    /// True where a leaf of the sheet has a version after a position.
    fn leaf_moved_after(&self, sheet: &Sheet, position: u64) -> bool {
        use sogoc_domain::Record as _;
        let register = self.register();
        let command = &sheet.command;
        let Some(version) = set_version(register.world(), &command.season, &command.agency) else { return false };
        command
            .rows
            .iter()
            .filter_map(|row| version.leaf(&row.leaf))
            .filter_map(|leaf| register.leaf_mark(&command.season, &command.agency, &leaf.id))
            .any(|mark| mark.position > position)
    }

    /// Who may let accounts in; `None` where the register is empty or was founded by the command of this id.
    async fn officials(&self, founding: Uuid) -> Result<Option<Officials>, ImportFailure> {
        if !self.register().world().is_founded() || self.log().receipt(founding).await?.is_some() {
            return Ok(None);
        }
        let register = self.register();
        let now = self.now();
        let holds = |role: Role| {
            let accounts = register.world().accounts.iter();
            accounts.filter(move |(_, account)| account.roles(None, now).any(|held| held == role)).map(|(id, _)| id)
        };
        let missing =
            |role: Role| Refusal::new(Code::Missing).with("field", format!("an account with the role {role}"));
        let administrator = holds(Role::Administrator).next().ok_or_else(|| missing(Role::Administrator))?;
        let approver = holds(Role::CouncilChair)
            .chain(holds(Role::Administrator))
            .find(|id| *id != administrator)
            .ok_or_else(|| missing(Role::CouncilChair))?;
        Ok(Some(Officials { administrator: administrator.clone(), approver: approver.clone() }))
    }
}

fn existing(world: &World, season: &SeasonId, founded: Option<Officials>, now: Timestamp) -> Existing {
    let roles = world
        .accounts
        .iter()
        .flat_map(|(id, account)| account.roles(None, now).map(|role| (id.clone(), role)).collect::<Vec<_>>());
    Existing {
        founded,
        agencies: world.agencies.keys().cloned().collect(),
        accounts: world.accounts.keys().cloned().collect(),
        roles: roles.collect(),
        instruments: world.instruments.keys().cloned().collect(),
        season: world.seasons.get(season).map(|season| Standing {
            policy: season.policy.is_some(),
            comparison: season.comparison.clone(),
            groups: season.groups.keys().cloned().collect(),
            agencies: season.agencies.keys().cloned().collect(),
            active: season.is_active(),
        }),
    }
}

fn set_version<'w>(
    world: &'w World,
    season: &SeasonId,
    agency: &AgencyId,
) -> Option<&'w sogoc_domain::criteria::SetVersion> {
    let season = world.seasons.get(season)?;
    let group = season.groups.get(&season.agencies.get(agency)?.group)?;
    let version = world.sets.get(group.set.as_ref()?)?.version(group.set_version?)?;
    Some(version)
}

/// What a sheet of an agency is checked against.
fn sheet_rules(world: &World, season: &SeasonId, agency: &AgencyId) -> Result<SheetRules, Refusal> {
    let unknown =
        |what: &str, id: &dyn std::fmt::Display| Refusal::new(Code::Unknown).with("what", what).with("id", id);
    let recorded = world.seasons.get(season).ok_or_else(|| unknown("season", season))?;
    if !recorded.agencies.contains_key(agency) {
        return Err(Refusal::new(Code::NotInSeason).with("agency", agency).with("season", season));
    }
    let policy = recorded.policy(season)?;
    let version = set_version(world, season, agency).ok_or_else(|| {
        let why = "the season does not run yet, or holds transcribed totals only";
        Refusal::new(Code::Invalid).with("field", "season").with("value", season).with("why", why)
    })?;
    let mut leaves = BTreeMap::new();
    for leaf in version.leaves() {
        let rules = SheetLeaf { rule: leaf.rule.rule.clone(), max_points: leaf.max_points };
        leaves.insert(leaf.id.to_string(), rules.clone());
        leaves.insert(leaf.code.clone(), rules);
    }
    Ok(SheetRules { leaves, decimals: policy.leaf_decimals, rounding: policy.rounding })
}

/// The agency's first account that may declare.
fn declaring_account(world: &World, import: &SheetImport<'_>, now: Timestamp) -> Result<AccountId, Refusal> {
    let at = import.occurred.unwrap_or(now);
    let may = |role: Role| matches!(role, Role::AgencyOfficer | Role::AgencyLeader);
    world
        .accounts
        .iter()
        .find(|(_, account)| {
            account.agency.as_ref() == Some(import.agency) && account.roles(Some(import.season), at).any(may)
        })
        .map(|(id, _)| id.clone())
        .ok_or_else(|| {
            let field = format!("an account of {} with the role {}", import.agency, Role::AgencyOfficer);
            Refusal::new(Code::Missing).with("field", field)
        })
}

/// The first 16 digits of a digest: enough to tell files apart in a correlation.
fn hex_start(digest: &[u8]) -> String {
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
