//! The command line: what may be asked for, with an example each.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use sogoc_domain::event::ErasureGround;
use sogoc_domain::values::{AccountId, AgencyId, CaseId, Digest, GroupId, InstrumentId, SeasonId, SetId, Timestamp};
use sogoc_log::Hash;

use crate::commands::account::AccountCommand;
use crate::commands::backup::{BackupArgs, RestoreArgs};
use crate::commands::relay::RelayArgs;
use crate::commands::roll_up::RollUpArgs;
use crate::commands::serve::{CosignArgs, ServeArgs};
use crate::commands::witness::WitnessArgs;
use crate::config::ServeFlags;
use crate::lang::Lang;

/// Where the register is kept when nothing else is said.
#[cfg(test)]
pub(crate) const DEFAULT_STORE: &str = "sqlite:sogoc-data/register.db";

/// Sổ gốc: the register of record for appraisal. Every score is an entry that nobody can take back, and every figure
/// can be traced to the entries behind it.
#[derive(Parser, Debug)]
#[command(
    name = "sogoc",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:
  sogoc demo                                             load Hà Nam's 2022 season and show what it gives
  sogoc ranking hanam-2022 departments                   the table of one group
  sogoc trace hanam-2022/departments/so-noi-vu/index     a figure down to the entries behind it
  sogoc --store postgres://user@host/db log verify       check every byte of a register on PostgreSQL

Exit codes: 0 done, 1 refused (or a mismatch where --strict asks), 2 usage, 3 store unavailable, 4 corruption found."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) given: Given,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes, as it was given on the command line. What holds in the end is a [`Global`]:
/// [`crate::config::Config`] adds the file and the environment.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct Given {
    /// A configuration file (TOML); `sogoc config show-default` prints one [env: SOGOC_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The register: sqlite:PATH or postgres://… [env: SOGOC_STORE] [default: sqlite:sogoc-data/register.db]
    #[arg(long, global = true)]
    pub(crate) store: Option<String>,
    /// One JSON document (or JSON lines) on stdout and nothing else there
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Language of texts: vi or en [default: from LANG, else en]
    #[arg(long, global = true, value_name = "vi|en")]
    pub(crate) lang: Option<Lang>,
    /// Read as of a position or an instant: 1234, or 2022-12-01T08:00:00+07:00
    #[arg(long, global = true, value_name = "N|TIME", conflicts_with = "as_of_occurred")]
    pub(crate) as_of: Option<AsOfArg>,
    /// Name of the log, such as sogoc.example/ha-nam: given to one that is made, demanded of one that exists [env:
    /// SOGOC_LOG_NAME]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) log_name: Option<String>,
    /// The key that signs checkpoints [env: SOGOC_KEY_FILE] [default: beside an embedded store, else sogoc-data/NAME.key]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Where evidence files are kept: a folder, or s3://bucket/prefix [env: SOGOC_EVIDENCE] [default: PATH.evidence beside
    /// an embedded store]
    #[arg(long, global = true, value_name = "PLACE")]
    pub(crate) evidence: Option<String>,
    /// The key that encrypts evidence files at rest: 32 bytes as 64 hexadecimal digits or base64 [env:
    /// SOGOC_EVIDENCE_KEY_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) evidence_key_file: Option<PathBuf>,
    /// The virus scanner: unix:/run/clamav/clamd.ctl or tcp:HOST:PORT [env: SOGOC_CLAMD] [default: files are recorded as
    /// not scanned]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) clamd: Option<String>,
    /// Read an imported season as of an instant of its own time
    #[arg(long, global = true, value_name = "TIME", value_parser = instant)]
    pub(crate) as_of_occurred: Option<Timestamp>,
}

/// What every command that opens a store goes by: flags, environment and file as one.
pub(crate) struct Global {
    /// May hold a password, hence no `Debug`.
    pub(crate) store: String,
    pub(crate) as_of: Option<AsOfArg>,
    pub(crate) log_name: Option<String>,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) evidence: Option<String>,
    pub(crate) evidence_key_file: Option<PathBuf>,
    pub(crate) sign_in_key_file: Option<PathBuf>,
    pub(crate) clamd: Option<String>,
    pub(crate) as_of_occurred: Option<Timestamp>,
}

/// A position, or an instant of recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AsOfArg {
    Position(u64),
    Instant(Timestamp),
}

impl FromStr for AsOfArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Self::Position).map_err(|_| format!("position {text} is beyond any log"));
        }
        instant(text).map(Self::Instant).map_err(|e| format!("give a position, such as 1234, or a time; {e}"))
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|e| e.0)
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Load Hà Nam's 2022 season and show rankings, figures, a trace and the reconciliation with the printed report
    #[command(
        after_help = "The data is in the binary: no network, no service, no configuration. Run again on the same \
store it records nothing new.

Examples:
  sogoc demo
  sogoc --store sqlite:/tmp/try.db demo
  sogoc --json demo                      counts and head only
  sogoc demo --live                      a small season whose results were just announced: file an appeal, watch it decided

JSON: {receipts:{recorded, repeated, passed_over, entries}, failures, head}; with --live also {season,
appeals_until, decisions_until}."
    )]
    Demo {
        /// Record instead a small live sample season, up to its announced results: its windows for appeals open today
        #[arg(long)]
        live: bool,
    },
    /// Serve the register: gRPC, gRPC-Web, Connect and plain HTTP with JSON on one port
    #[command(
        after_help = "Without configuration: the embedded store, on loopback, local accounts. With PostgreSQL, NATS, OpenID Connect and S3:
a file (`sogoc config show-default`), checked by `sogoc config check`. Several nodes may serve one PostgreSQL.

Examples:
  sogoc account found --generate          the first administrator, once
  sogoc serve
  sogoc serve --config sogoc.toml
  curl http://127.0.0.1:8080/v1/seasons/hanam-2022/ranking?group=departments

SIGTERM or Ctrl-C: no new requests are taken, those that have begun are answered."
    )]
    Serve(ServeFlags),
    /// Import a season folder, or show where a season stands
    #[command(subcommand)]
    Season(SeasonCommand),
    /// Show the table of a season, or of one ranking group
    #[command(after_help = "Examples:
  sogoc ranking hanam-2022
  sogoc ranking hanam-2022 districts --as-of-occurred 2022-12-05T00:00:00+07:00
  sogoc ranking hanam-2022 --json | jq '.[] | select(.class == null)'

JSON: [{group, rank, agency, appraised_points, survey_points, total_points, applicable_max, index, index_display,
class}]; what is missing is null.")]
    Ranking {
        /// The season
        season: SeasonId,
        /// The ranking group; all where left out
        group: Option<GroupId>,
    },
    /// Show one figure
    #[command(after_help = "Examples:
  sogoc figure hanam-2022/departments/so-noi-vu/index
  sogoc figure hanam-2022/departments/mean_index --as-of 3000

JSON: {address, value, display, unit, as_of}; a value is an exact decimal string, or {num, den} where it has no finite
decimal.")]
    Figure {
        /// Its address, the season first
        address: String,
    },
    /// Show all figures of a season
    #[command(after_help = "Examples:
  sogoc figures hanam-2022 --under districts/ly-nhan
  sogoc figures hanam-2022 --under departments/domain/3 --json")]
    Figures {
        /// The season
        season: SeasonId,
        /// Only addresses that begin so, counted after the season
        #[arg(long, value_name = "PREFIX")]
        under: Option<String>,
    },
    /// Show what a figure was computed from, down to the entries: who, in what role, when, why
    #[command(after_help = "Examples:
  sogoc trace hanam-2022/departments/so-noi-vu/index
  sogoc trace hanam-2022/districts/ly-nhan/leaf/3.1.2/appraised_points --json
  sogoc trace hanam-2022/departments/so-noi-vu/index --depth 2      the first two levels only")]
    Trace {
        /// The figure's address, the season first
        address: String,
        /// Levels to print; all where left out (text only)
        #[arg(long, value_name = "N")]
        depth: Option<usize>,
    },
    /// Show every version of an agency's scorecard, or of one leaf
    #[command(after_help = "Examples:
  sogoc history hanam-2022 so-xay-dung
  sogoc history hanam-2022 so-xay-dung 3.1.2 --json")]
    History {
        /// The season
        season: SeasonId,
        /// The agency
        agency: AgencyId,
        /// The leaf, by code or id; all where left out
        leaf: Option<String>,
    },
    /// Show which entries moved a figure between two positions, and by how much each
    #[command(after_help = "Examples:
  sogoc why hanam-2022/districts/ly-nhan/rank --from 4000 --to 4100
  sogoc why hanam-2022/departments/mean_index --from 0 --to 5000 --json

The contributions sum to the change exactly. For a rank it names the agencies passed and the entries that did it.")]
    Why {
        /// The figure's address, the season first
        address: String,
        /// The earlier position
        #[arg(long, value_name = "P")]
        from: u64,
        /// The later position
        #[arg(long, value_name = "P")]
        to: u64,
    },
    /// Decide commands without recording anything, and show which figures they would change
    #[command(after_help = "FILE holds commands as JSON lines, as `sogoc execute` takes them; - is stdin.

Examples:
  sogoc what-if proposals.jsonl
  sogoc execute --help                   shows the form of a line")]
    WhatIf {
        /// Commands as JSON lines; - for stdin
        file: PathBuf,
    },
    /// Compare printed figures with the register
    #[command(
        after_help = "FILE is a CSV with the columns claim_id, figure, published and unit (others are passed over).

Examples:
  sogoc reconcile hanam-2022 data/hanam-2022/claims.csv
  sogoc reconcile hanam-2022 printed.csv --strict        exit code 1 if any figure differs

JSON: [{claim_id, figure, published, computed, verdict, cause}]; the verdict is match, mismatch or not_recomputable."
    )]
    Reconcile {
        /// The season
        season: SeasonId,
        /// The printed figures
        file: PathBuf,
        /// Exit code 1 where a figure differs
        #[arg(long)]
        strict: bool,
    },
    /// Execute commands, one JSON object a line, each as the account that it names
    #[command(after_help = "Each line is answered by a line: {\"receipt\":{command_id, positions, at}} or \
{\"refusal\":{code, message, remedy, …values}}.
The same command_id takes effect once: sending a line again gives its first receipt. `sogoc commands schema` describes
every command.

Example:
  echo '{\"account\":\"acc-so-noi-vu-officer-1\",\"command_id\":\"0193a8e0-0000-7000-8000-000000000001\",
  \"command\":{\"type\":\"record-self-score\",\"season\":\"pilot-2026\",\"agency\":\"so-noi-vu\",\"leaf\":\"1.1.1\",
  \"inputs\":{\"yes_no\":true}}}' | tr -d '\\n' | sogoc execute

Optional in a line: seen (position of the leaf version its author was shown), instrument {id, clause}, occurred,
on_behalf_of, capacity. Exit code 1 if any line was refused.")]
    Execute {
        /// Commands as JSON lines; stdin where left out
        file: Option<PathBuf>,
    },
    /// Show a criteria set: domains, criteria, leaves, maxima and rules
    #[command(after_help = "Example:
  sogoc criteria hanam-2022-departments")]
    Criteria {
        /// The set
        set: SetId,
    },
    /// Verify a bundle offline: recompute its figure and check everything, trusting only the keys given
    #[command(after_help = "FILE was made by `sogoc proof figure`, here or anywhere. No store and no network are used.
A policy names the log's key and the witnesses whose cosignatures are demanded (C2SP tlog-policy):

  log sogoc.example/ha-nam+1a2b3c4d+AX…
  witness inspectorate inspectorate.example/w+5e6f7081+BH…
  group two 1 inspectorate
  quorum two

Examples:
  sogoc verify so-noi-vu.bundle --policy policy.txt
  sogoc verify so-noi-vu.bundle --log-key \"$(sogoc log key)\"     without witnesses
  sogoc verify so-noi-vu.bundle --policy policy.txt --trace        down to the entries

Exit code 0: everything in it is right (what is not proved is said); 1: the policy is not met; 4: it is not what it says.")]
    Verify {
        /// The bundle
        file: PathBuf,
        /// Whom to trust
        #[arg(long, value_name = "FILE", required_unless_present = "log_key", conflicts_with = "log_key")]
        policy: Option<PathBuf>,
        /// The log's verifier key, where no witness is demanded
        #[arg(long, value_name = "VKEY")]
        log_key: Option<String>,
        /// Print the figure's tree down to the entries
        #[arg(long)]
        trace: bool,
        /// Write the evidence files that came along into this folder, each under its SHA-256
        #[arg(long, value_name = "DIR")]
        evidence_to: Option<PathBuf>,
    },
    /// Make proofs for others, and check those of any log
    #[command(subcommand)]
    Proof(ProofCommand),
    /// Take a backup of the register into a folder, while it runs; or check one
    #[command(
        after_help = "The folder holds entries as they are stored, sealed texts, checkpoints and what witnesses said, for either store \
and onto
either. Run it again on the same folder to add what is new. The log's key is not in it: keep a copy of that elsewhere.

Examples:
  sogoc backup /backup/ha-nam
  sogoc backup /backup/ha-nam --with-evidence
  sogoc backup verify /backup/ha-nam --policy policy.txt      offline: no store, no network

JSON: {log, size, root, kept, evidence_files, sha256}. Exit code 4 where a backup is not what its manifest says."
    )]
    Backup(BackupArgs),
    /// Restore a register from a backup into an empty place, and check it
    #[command(
        after_help = "The place is --store, on either kind of store. What is restored is checked before, while and after it is written, and \
compared
with the checkpoint that is kept beside the key and, with --policy, with what the witnesses have cosigned: a backup that is
older than either is refused. --force takes it all the same and records who did so and why; witnesses will refuse the log
from then on. Cut short, the same command goes on where it was.

Examples:
  sogoc restore /backup/ha-nam --store sqlite:sogoc-data/register.db --policy policy.txt
  sogoc restore /backup/ha-nam --store postgres://user@host/db --with-evidence
  sogoc restore /backup/ha-nam --store sqlite:new.db --force --account admin --reason 'the disk was lost'"
    )]
    Restore(RestoreArgs),
    /// Found a register, and set what accounts sign in with
    #[command(subcommand)]
    Account(AccountCommand),
    /// Ask a node whether it is ready: exit code 0, or 3
    #[command(after_help = "For a container's health check, which needs no shell for it.

Examples:
  sogoc health
  sogoc health http://127.0.0.1:9464/livez")]
    Health {
        /// The node's operator address
        #[arg(default_value = "http://127.0.0.1:9464/readyz")]
        url: String,
    },
    /// Read, verify or copy the log
    #[command(subcommand)]
    Log(LogCommand),
    /// Be a witness: cosign the checkpoints of logs that never take anything back
    #[command(
        after_help = "Speaks C2SP tlog-witness: POST /add-checkpoint. What is cosigned is on disk before it is answered. Put a proxy with
TLS before it where it is not in one house with the log.

Examples:
  sogoc witness key --new witness.key --name thanh-tra.example/witness-1
  sogoc witness --listen 127.0.0.1:8090 --key witness.key --state witness-state --log VKEY
  sogoc witness --listen 127.0.0.1:8090 --key witness.key --state witness-state --logs logs.txt"
    )]
    Witness(WitnessArgs),
    /// Publish every entry to a NATS JetStream stream, in order, for consumers elsewhere
    #[command(
        after_help = "The stream SOGOC_TENANT is made where it is missing (deploy/nats/stream.json). Of several \
relays of one log one is
active; the others stand by and take over within seconds. NATS being away holds up nothing: the log is the outbox.

Examples:
  sogoc relay --nats nats://127.0.0.1:4222 --tenant ha-nam
  sogoc relay --nats tls://nats.example --tenant ha-nam --credentials-file relay.creds --ca-file ca.pem
  sogoc relay --nats nats://127.0.0.1:4222 --tenant ha-nam --until-caught-up"
    )]
    Relay(RelayArgs),
    /// Follow the streams of many logs and keep one ranking over all of them
    RollUp(RollUpArgs),
    /// Store, attach, show, check and erase evidence files
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// Make or upgrade a store's schema
    #[command(subcommand)]
    Store(StoreCommand),
    /// Rebuild the SQL mirror that BI tools read
    #[command(subcommand)]
    Mirror(MirrorCommand),
    /// Import a past season's printed table
    #[command(subcommand)]
    Import(ImportCommand),
    /// Import a scorecard as agencies keep it in a spreadsheet
    #[command(subcommand)]
    Scorecard(ScorecardCommand),
    /// Describe the commands that `sogoc execute` takes
    #[command(subcommand)]
    Commands(CommandsCommand),
    /// Check the configuration, or print a sample of it
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Subcommand, Debug)]
pub(crate) enum SeasonCommand {
    /// Import a season folder: criteria, agencies, accounts, scores, explanations, appeals, survey
    #[command(after_help = "The format is documented in data/hanam-2022/README.md. Importing the same folder again \
records nothing new; a corrected
file is refused visibly where it differs from what was recorded.

Example:
  sogoc season import data/hanam-2022")]
    Import {
        /// The folder
        dir: PathBuf,
    },
    /// Show a season: its state, groups, phases, editions
    #[command(after_help = "Example:
  sogoc season show hanam-2022")]
    Show {
        /// The season
        season: SeasonId,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum LogCommand {
    /// Print entries, one a line
    #[command(after_help = "Examples:
  sogoc log show --from 100 --limit 5
  sogoc log show --stream scorecard/hanam-2022/so-noi-vu --json     the stored bytes, one entry a line")]
    Show {
        /// First position
        #[arg(long, value_name = "P", default_value_t = 0)]
        from: u64,
        /// Most entries; all where left out
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// Only this stream
        #[arg(long, value_name = "STREAM")]
        stream: Option<String>,
    },
    /// Check everything: bytes, hashes, density, order, Merkle root, checkpoints, fold, digests, snapshots, mirror
    #[command(
        after_help = "Exit code 4 at the first fault, with its position and what is wrong. Signatures are checked \
where the log's key is at hand,
cosignatures with --policy.

Examples:
  sogoc log verify --json
  sogoc log verify --policy policy.txt
  sogoc log verify --resume check.state        a large log: cut short, it goes on where it was when run again"
    )]
    Verify {
        /// The witnesses whose cosignatures are checked
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// Keep in this file how far the entries were found right, and go on from there
        #[arg(long, value_name = "FILE")]
        resume: Option<PathBuf>,
    },
    /// Print the log's verifier key, or make the key that signs its checkpoints
    #[command(
        after_help = "The key is made by itself when a store is made. Whoever has it can sign for this register: \
keep a copy of the file in a
safe and nobody else's hands. What is printed is for everybody.

Examples:
  sogoc log key                      the verifier key: give it to whoever verifies
  sogoc log key --new                for a store that has none
  sogoc log key --rotate             a new one in place of it: tell everybody who verifies
  SOGOC_KEY_FILE=/etc/sogoc/log.key sogoc log key"
    )]
    Key {
        /// Make one; refused where there is one
        #[arg(long)]
        new: bool,
        /// Make one in place of the present one, which is kept beside it and signs no more
        #[arg(long, conflicts_with = "new")]
        rotate: bool,
    },
    /// Sign a checkpoint where the log has grown, and print the newest
    #[command(after_help = "Commands that record do so themselves. Before signing, the root is recomputed from the \
stored bytes.

Example:
  sogoc log checkpoint")]
    Checkpoint,
    /// Write the log's tree as static files that any web server can publish (C2SP tlog-tiles)
    #[command(
        after_help = "Run it again to add what is new; files that are there are kept. Entries themselves are for \
those with the right to read
and are left out unless --with-entries adds them.

Example:
  sogoc log export-tiles /var/www/log"
    )]
    ExportTiles {
        /// The folder
        dir: PathBuf,
        /// The entries too
        #[arg(long)]
        with_entries: bool,
    },
    /// Serve checkpoint and tiles over HTTP, for whoever checks the log
    #[command(
        after_help = "Serves C2SP tlog-tiles, read-only: /checkpoint, /tile/… and with --with-entries /tile/entries/….

Examples:
  sogoc log serve --listen 127.0.0.1:8080
  sogoc log serve --listen 127.0.0.1:8080 --key log.key --policy policy.txt     sign and ask witnesses as it grows"
    )]
    Serve(ServeArgs),
    /// Ask the witnesses of a policy to cosign the newest checkpoint
    #[command(
        after_help = "Exit code 0 if the quorum is met, 1 if not. Cosignatures are kept in the store. A witness that does not answer
costs no more than its time.

Example:
  sogoc log cosign --policy policy.txt --json"
    )]
    Cosign(CosignArgs),
    /// Print size, root and time of the log's head
    #[command(after_help = "Example:
  sogoc log head --json")]
    Head,
    /// Copy the log to another store: every byte, position and root the same
    #[command(
        after_help = "Resumable: what the target has already is checked and passed over. A target that does not \
continue this log is refused.

Examples:
  sogoc log copy --to postgres://sogoc@localhost/hanam
  sogoc --store postgres://sogoc@localhost/hanam log copy --to sqlite:backup.db"
    )]
    Copy {
        /// The target store
        #[arg(long, value_name = "STORE")]
        to: String,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum ProofCommand {
    /// Write a bundle: a figure with all that a stranger needs to recompute and check it offline
    #[command(
        after_help = "As of the last edition (else the last announcement, else now) unless --as-of says otherwise. \
Ranks and figures of a
group go by the published table; --deep adds every scorecard. Reasons and other texts may name persons and stay out unless
--with-texts adds them.

Examples:
  sogoc proof figure hanam-2022/departments/so-noi-vu/index -o so-noi-vu.bundle
  sogoc proof figure hanam-2022/districts/mean_index --deep -o mean.bundle
  sogoc verify so-noi-vu.bundle --log-key \"$(sogoc log key)\""
    )]
    Figure {
        /// The figure's address, the season first
        address: String,
        /// The file to write; gzip, read by `zcat FILE | jq`
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Add every scorecard behind a figure of a group
        #[arg(long)]
        deep: bool,
        /// Add the texts of the figure's entries: reasons, explanations, names of files
        #[arg(long)]
        with_texts: bool,
        /// Add the evidence files behind the figure themselves
        #[arg(long)]
        with_evidence: bool,
    },
    /// Print a proof that an entry is in the log (C2SP tlog-proof)
    #[command(after_help = "Example:
  sogoc proof entry 1234 > 1234.tlog-proof")]
    Entry {
        /// Its position
        position: u64,
    },
    /// Print a proof that the log of a later size continues that of an earlier one
    #[command(after_help = "Example:
  sogoc proof consistency 1000 4267 --json

JSON: {size1, root1, size2, root2, proof:[base64]}")]
    Consistency {
        /// The earlier size
        size1: u64,
        /// The later size
        size2: u64,
    },
    /// Check that a leaf is in a tree (RFC 6962, of any log)
    #[command(after_help = "Exit code 0: it is; 1: it is not proved; 2: something cannot be read.

Example:
  sogoc proof verify-inclusion --leaf-hash 9xWrP6pdBx4uaiu5TE1b9zWTPMx52jAl3ghed8+5M2o= --index 3 --size 8 \\
    --root bC+VwvrJbalNVjfkdI8kUgs7mJoXrqiXCE7bgnD28pY= --proof Zx8U…,T1X2…,g0Zo…")]
    VerifyInclusion {
        /// Leaf hash, hexadecimal or base64
        #[arg(long, value_name = "HASH", value_parser = hash)]
        leaf_hash: Hash,
        /// Index of the leaf, from 0
        #[arg(long)]
        index: u64,
        /// Leaves in the tree
        #[arg(long)]
        size: u64,
        /// Root of the tree
        #[arg(long, value_name = "HASH", value_parser = hash)]
        root: Hash,
        /// Hashes of the proof, nearest sibling first, with commas between them
        #[arg(long, value_name = "HASH,…", value_parser = hashes)]
        proof: Hashes,
    },
    /// Check that a later tree continues an earlier one (RFC 6962, of any log)
    #[command(after_help = "Exit code 0: it does; 1: it is not proved; 2: something cannot be read.

Example:
  sogoc proof verify-consistency --size1 2 --size2 8 --root1 … --root2 … --proof …,…")]
    VerifyConsistency {
        /// Leaves in the earlier tree
        #[arg(long)]
        size1: u64,
        /// Leaves in the later tree
        #[arg(long)]
        size2: u64,
        /// Root of the earlier tree, hexadecimal or base64
        #[arg(long, value_name = "HASH", value_parser = hash)]
        root1: Hash,
        /// Root of the later tree
        #[arg(long, value_name = "HASH", value_parser = hash)]
        root2: Hash,
        /// Hashes of the proof, with commas between them
        #[arg(long, value_name = "HASH,…", value_parser = hashes)]
        proof: Hashes,
    },
    /// Check a signed note's signature (C2SP signed-note), a checkpoint's or a cosigned one's
    #[command(after_help = "Exit code 0: signed by this key; 1: not; 2: the key or the note cannot be read.

Example:
  sogoc proof verify-note --vkey example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k checkpoint")]
    VerifyNote {
        /// The verifier key
        #[arg(long, value_name = "VKEY")]
        vkey: String,
        /// The note; - for stdin
        file: PathBuf,
    },
}

/// Hashes of a proof.
#[derive(Clone, Debug)]
pub(crate) struct Hashes(pub(crate) Vec<Hash>);

fn hash(text: &str) -> Result<Hash, String> {
    let read = if text.len() == 64 { Hash::from_hex(text) } else { Hash::from_base64(text) };
    read.map_err(|error| error.to_string())
}

fn hashes(text: &str) -> Result<Hashes, String> {
    let parts = text.split([',', ' ', '\n']).map(str::trim).filter(|part| !part.is_empty());
    parts.map(hash).collect::<Result<_, _>>().map(Hashes)
}

#[derive(Subcommand, Debug)]
pub(crate) enum EvidenceCommand {
    /// Store files, durably, under their SHA-256. No entry names them yet
    #[command(
        after_help = "Prints the digest that commands such as attach-evidence name. The same file stored twice is stored once.

Examples:
  sogoc evidence put bao-cao.pdf
  curl -s https://portal.example/report.pdf | sogoc evidence put -

JSON: [{digest, bytes, existed}]"
    )]
    Put {
        /// The files; - for stdin
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Largest file, in bytes
        #[arg(long, value_name = "N", default_value_t = sogoc_domain::policy::EVIDENCE_BYTES_MAX)]
        bytes_max: u64,
    },
    /// Store a file and attach it to a leaf: what it is and who signed it is examined once and recorded
    #[command(after_help = "Sent again, it takes effect once: after a crash, run it again.

Examples:
  sogoc evidence attach bao-cao.pdf --season pilot-2026 --agency so-xay-dung --leaf 1.5 --account acc-so-xay-dung-officer-1
  sogoc evidence attach so-lieu.xlsx --detached so-lieu.xlsx.p7s --season … --agency … --leaf … --account …
  sogoc evidence attach bo-sung.pdf --case gt-14 --season … --agency … --leaf … --account …     for an explanation request")]
    Attach {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        leaf: LeafArgs,
        /// Who attaches it
        #[arg(long)]
        account: AccountId,
        /// Its name, where it is another than the file's
        #[arg(long)]
        name: Option<String>,
        /// A signature over it in a file of its own (.p7s)
        #[arg(long, value_name = "FILE")]
        detached: Option<PathBuf>,
        /// The explanation request or appeal that it is supplied for
        #[arg(long, value_name = "ID")]
        case: Option<CaseId>,
        /// When it was attached, in an imported season
        #[arg(long, value_name = "TIME", value_parser = instant)]
        occurred: Option<Timestamp>,
    },
    /// Give an attached file out to an account that may read it. That it was given out is recorded
    #[command(after_help = "Example:
  sogoc evidence get hanam-2022 so-xay-dung 3 --account acc-thanh-tra-tinh-inspector-1 -o 3.pdf")]
    Get {
        #[command(flatten)]
        file: FileArgs,
        /// Who reads it
        #[arg(long)]
        account: AccountId,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Show what is known of a file: where it is attached, by whom, every verdict
    #[command(after_help = "Example:
  sogoc evidence show 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    Show {
        /// Its SHA-256
        digest: Digest,
    },
    /// List the files of a season
    #[command(after_help = "Examples:
  sogoc evidence list hanam-2022 --agency so-xay-dung
  sogoc evidence list hanam-2022 --json | jq '.[] | select(.verdict.outcome == \"invalid\")'")]
    List {
        /// The season
        season: SeasonId,
        /// Only this agency's
        #[arg(long)]
        agency: Option<AgencyId>,
    },
    /// Compare the store with the entries and every file with its name. Changes nothing
    #[command(
        after_help = "Exit code 4 where a file is missing or altered, or is there although it was erased. Files that no entry names are
said and left alone.

Example:
  sogoc evidence fsck --json"
    )]
    Fsck,
    /// Copy every file that entries name to another place: from the pilot's folder to the server's, or to a backup
    #[command(
        after_help = "What is there already is verified and passed over; nothing is removed. Copy files before the log.

Examples:
  sogoc evidence copy --to s3://bucket/evidence
  sogoc evidence copy --to /mnt/backup/evidence --json"
    )]
    Copy {
        /// A folder, or s3://bucket/prefix
        #[arg(long, value_name = "PLACE")]
        to: String,
        /// The key that encrypts files there, if they are to be encrypted
        #[arg(long, value_name = "FILE")]
        to_key_file: Option<PathBuf>,
    },
    /// Judge a file's signatures without a register: what it is, who signed it, what that is worth
    #[command(after_help = "Offline: nothing is fetched. Exit code 0 if valid, 1 if not, or if that cannot be told.

Examples:
  sogoc evidence verify bao-cao.pdf --anchors anchors.pem
  sogoc evidence verify so-lieu.xlsx --detached so-lieu.xlsx.p7s --anchors anchors.pem --at 2022-11-10T00:00:00+07:00 --json")]
    Verify {
        /// The file
        file: PathBuf,
        /// A signature over it in a file of its own (.p7s)
        #[arg(long, value_name = "FILE")]
        detached: Option<PathBuf>,
        /// Trust anchors: a PEM file with certificates, and if you like revocation lists
        #[arg(long, value_name = "FILE")]
        anchors: Option<PathBuf>,
        /// The instant that is judged at; now where left out
        #[arg(long, value_name = "TIME", value_parser = instant)]
        at: Option<Timestamp>,
    },
    /// Have an attached file's signatures judged again: the new verdict stands beside the old ones
    #[command(after_help = "Example:
  sogoc evidence judge hanam-2022 so-xay-dung 3 --account acc-so-noi-vu-secretariat-1 --reason 'Danh sách chứng thư gốc đã đổi'")]
    Judge {
        #[command(flatten)]
        file: FileArgs,
        /// Who has it judged
        #[arg(long)]
        account: AccountId,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Say by which trust anchors a season's signatures are judged from now on
    #[command(after_help = "The file is stored as evidence is; its SHA-256 is its version and stands in every verdict.

Example:
  sogoc evidence anchors hanam-2022 anchors.pem --account acc-so-noi-vu-secretariat-1 --reason 'Theo danh sách mới'")]
    Anchors {
        /// The season
        season: SeasonId,
        /// A PEM file with certificates, and if you like revocation lists
        file: PathBuf,
        /// Who adopts them
        #[arg(long)]
        account: AccountId,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Erase a file on the ground of an instrument. Its digest and its verdicts stay
    #[command(after_help = "By somebody who does not act for the agency that attached it. There is no way back.

Example:
  sogoc evidence erase 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --account acc-so-thong-tin-va-truyen-thong-admin-1 \\
    --instrument 2070-qd-ubnd --ground-code named-without-need --ground 'Tệp có dữ liệu cá nhân'")]
    Erase {
        /// Its SHA-256
        digest: Digest,
        /// Who erases it
        #[arg(long)]
        account: AccountId,
        /// The instrument, which must be registered
        #[arg(long, value_name = "ID")]
        instrument: InstrumentId,
        /// request-of-person, named-without-need, retention-ended or ordered
        #[arg(long, value_name = "CODE", value_parser = ground_code)]
        ground_code: ErasureGround,
        /// The ground in words
        #[arg(long)]
        ground: String,
    },
}

/// A leaf of an agency.
#[derive(Args, Debug)]
pub(crate) struct LeafArgs {
    /// The season
    #[arg(long)]
    pub(crate) season: SeasonId,
    /// The agency
    #[arg(long)]
    pub(crate) agency: AgencyId,
    /// The leaf, by code or id
    #[arg(long)]
    pub(crate) leaf: String,
}

/// A file of a scorecard.
#[derive(Args, Debug)]
pub(crate) struct FileArgs {
    /// The season
    pub(crate) season: SeasonId,
    /// The agency
    pub(crate) agency: AgencyId,
    /// Its number within the scorecard
    pub(crate) number: u32,
}

fn ground_code(text: &str) -> Result<ErasureGround, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "write request-of-person, named-without-need, retention-ended or ordered".to_owned())
}

#[derive(Subcommand, Debug)]
pub(crate) enum StoreCommand {
    /// Make the store, or bring its schema up to this program's. Never rewrites an entry
    #[command(after_help = "On PostgreSQL run it as the owner; the service's own role may only insert and select.

Example:
  sogoc --store postgres://owner@localhost/hanam store migrate")]
    Migrate,
}

#[derive(Subcommand, Debug)]
pub(crate) enum MirrorCommand {
    /// Build the mirror's tables anew beside the old ones and swap them in
    #[command(after_help = "Example:
  sogoc mirror rebuild")]
    Rebuild,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ImportCommand {
    /// Import the printed table of a past season
    #[command(after_help = "Columns: agency,name,appraised_points,survey_points,applicable_max and optionally \
printed_total,printed_index,
printed_rank,printed_class. Comma or semicolon; decimal comma or point; a survey that is empty or x is \"not surveyed\".
A line that cannot be read is refused with its number, column and reason, and then nothing of the file is recorded.

Example:
  sogoc import results 2021.csv --season hanam-2021 --year 2021 --group departments --title 'Chỉ số CCHC 2021'")]
    Results {
        /// The table
        file: PathBuf,
        /// The season's id
        #[arg(long)]
        season: SeasonId,
        /// The year assessed
        #[arg(long)]
        year: u16,
        /// The ranking group
        #[arg(long)]
        group: GroupId,
        /// The season's title
        #[arg(long)]
        title: Option<String>,
        /// The season that changes are counted against
        #[arg(long, value_name = "ID")]
        previous: Option<SeasonId>,
    },
    /// Read a table of postgres-es into a log of its own
    #[command(after_help = "Takes rows aggregate by aggregate in sequence; each becomes one entry of the stream \
AGGREGATE_TYPE/AGGREGATE_ID.
Metadata is not taken. Running it again passes over what is recorded and refuses a row that was changed since.

Example:
  sogoc --store sqlite:old.db import postgres-es postgres://reader@db/legacy --account importer-1")]
    PostgresEs {
        /// The database that holds the table
        #[arg(value_name = "URL")]
        source: String,
        /// The table, or a view of its shape
        #[arg(long, default_value = "events")]
        table: String,
        /// The account in whose name the entries are recorded
        #[arg(long)]
        account: String,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum ScorecardCommand {
    /// Declare many leaves of one agency from a spreadsheet's CSV
    #[command(
        after_help = "A line that cannot be read is refused with its number, column and reason, and then nothing \
of the file is recorded.

Example:
  sogoc scorecard import pilot-2026 so-noi-vu scorecard.csv --account acc-so-noi-vu-officer-1"
    )]
    Import {
        /// The season
        season: SeasonId,
        /// The agency
        agency: AgencyId,
        /// The sheet
        file: PathBuf,
        /// Who declares; where left out, the agency's first account that may
        #[arg(long)]
        account: Option<AccountId>,
        /// When it was declared, in an imported season
        #[arg(long, value_name = "TIME", value_parser = instant)]
        occurred: Option<Timestamp>,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum CommandsCommand {
    /// Print the JSON schema of a line that `sogoc execute` takes
    #[command(after_help = "Example:
  sogoc commands schema > command.schema.json")]
    Schema,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Show what holds, where each value came from, and everything that is wrong. Changes nothing
    #[command(
        after_help = "Secrets are not shown. Exit code 0: it is right; 2: something is wrong; 3: with --connect, \
something that is named does
not answer.

Examples:
  sogoc --config /etc/sogoc/sogoc.toml config check
  sogoc --config /etc/sogoc/sogoc.toml config check --connect --json

JSON: {ok, file, settings:[{key, value, from}], faults:[{key, from, file, line, message, remedy}], notes, tried:[{what,
where, ok, message}]}"
    )]
    Check {
        #[command(flatten)]
        serve: ServeFlags,
        /// Try the store, the evidence place, the scanner, NATS, the OpenID Connect provider, the witnesses and the collector
        #[arg(long)]
        connect: bool,
    },
    /// Print a file with every setting, what it is for, its bounds and what holds by itself
    #[command(after_help = "Example:
  sogoc config show-default > /etc/sogoc/sogoc.toml")]
    ShowDefault,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn every_help_text_teaches_with_an_example() {
        fn visit(command: &clap::Command, path: &str) {
            if command.get_subcommands().next().is_none() {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("sogoc "), "{path} has no example");
            }
            for sub in command.get_subcommands() {
                visit(sub, &format!("{path} {}", sub.get_name()));
            }
        }
        let mut command = Cli::command();
        command.build();
        command.debug_assert();
        for sub in Cli::command().get_subcommands() {
            visit(sub, sub.get_name());
        }
    }

    #[test]
    fn an_as_of_is_a_position_or_a_time() {
        assert_eq!("1234".parse(), Ok(AsOfArg::Position(1234)));
        assert!(matches!("2022-12-01T08:00:00+07:00".parse(), Ok(AsOfArg::Instant(_))));
        assert!("yesterday".parse::<AsOfArg>().is_err());
        assert!("99999999999999999999999".parse::<AsOfArg>().is_err());
    }
}
