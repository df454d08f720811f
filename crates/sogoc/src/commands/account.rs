//! `sogoc account …`: what whoever has the store may do about sign-in, without signing in. Every change is an entry that says
//! that it was the console.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sogoc_app::{App, Origin};
use sogoc_domain::command::{Command, Envelope, FoundRegister, NewAccount, NewInstrument};
use sogoc_domain::event::Name;
use sogoc_domain::roles::Role;
use sogoc_domain::values::{AccountId, AgencyId, InstrumentId, Text, Timestamp};
use sogoc_log::Uuid;

use super::execute::receipt_json;
use crate::access::{Access, Denied, LENGTH_MAX, Resealed, Scope, Settings, TOKEN_DAYS_MAX};
use crate::cli::Global;
use crate::failure::{Failure, Remedy};
use crate::output::Output;
use crate::{Ended, open};

/// How its entries say by what way they came.
const ORIGIN: Origin<'_> = Origin { correlation: Some("console") };
/// Namespace of the ids of its commands: fixed for ever.
const NAMESPACE: Uuid = Uuid::from_u128(0x58e0_9b2f_6a17_5c4d_a3d1_80f6_4be2_17c9);
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// What is asked for.
#[derive(Subcommand, Debug)]
pub(crate) enum AccountCommand {
    /// Found an empty register: its first administrator and the account that approves with it
    #[command(
        after_help = "Everything has a default, for trying out; a register that is meant is founded on a real instrument. Roles that \
decide about
results or about other roles are never granted by one person: so there are two accounts from the beginning.

Examples:
  sogoc account found --generate                      a register to try out; the two passwords are shown once
  sogoc account found --administrator qtv-1 --administrator-agency so-noi-vu --administrator-agency-name 'Sở Nội vụ' \\
    --approver chu-tich-hd --approver-agency ubnd-tinh --approver-agency-name 'Ủy ban nhân dân tỉnh' \\
    --instrument 1952-qd-ubnd --number 1952/QĐ-UBND --date 2026-10-01 --issuer 'UBND tỉnh'

JSON: {command_id, positions, at, passwords:{ACCOUNT: password}}; passwords with --generate only."
    )]
    Found(Box<FoundArgs>),
    /// Set an account's password. Its sessions end, a lock is lifted
    #[command(after_help = "Asks for it twice at a terminal, without showing it.

Examples:
  sogoc account password acc-so-noi-vu-officer-1
  sogoc account password acc-so-noi-vu-officer-1 --generate --json
  head -1 password.txt | sogoc account password acc-so-noi-vu-officer-1 --stdin

JSON: {account, password}; the password with --generate only.")]
    Password {
        /// The account
        account: AccountId,
        #[command(flatten)]
        from: PasswordFrom,
    },
    /// Link an account to its subject at an OpenID provider, in place of an earlier one. Its sessions end
    #[command(after_help = "Who signs in there and is not linked is shown issuer and subject, to be passed on.

Example:
  sogoc account link acc-so-noi-vu-officer-1 --issuer https://sso.example --subject 248289761001")]
    Link {
        /// The account
        account: AccountId,
        /// The provider, exactly as it names itself
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// Who it is there
        #[arg(long)]
        subject: String,
    },
    /// Make an API token for an account's own software. It is shown once
    #[command(
        after_help = "Scopes: read; command (every command that the account may send); command:KIND (one kind; `sogoc commands \
schema` lists them).

Examples:
  sogoc account token acc-so-noi-vu-officer-1 --name 'Cổng báo cáo' --scope read --scope command:record-self-score
  curl -H \"Authorization: Bearer $(sogoc --json account token ACCOUNT --name x --scope read --days 1 | jq -r .token)\" …

JSON: {account, id, token, scopes, expires_at}"
    )]
    Token {
        /// The account
        account: AccountId,
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it may; several times
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<Scope>,
        /// How long it holds, in days, at most 366
        #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=TOKEN_DAYS_MAX))]
        days: i64,
    },
    /// Lift the lock that failed sign-ins brought about
    #[command(after_help = "Example:
  sogoc account unlock acc-so-noi-vu-officer-1 --json

JSON: {account, unlocked}; false where there was nothing to lift.")]
    Unlock {
        /// The account
        account: AccountId,
    },
    /// Remove an account's second factor, whose device is lost. Its sessions end
    #[command(after_help = "Example:
  sogoc account remove-second-factor acc-so-noi-vu-officer-1

JSON: {account}")]
    RemoveSecondFactor {
        /// The account
        account: AccountId,
    },
    /// Seal the seeds of second factors in the store under the key of sign_in.key_file
    #[command(
        after_help = "Those that stand in the clear, and with --old-key-file those under an earlier key. Nodes with another key than \
the seeds'
refuse sign-in to their accounts: start them with the new one at once.

Examples:
  sogoc account seal-seeds
  sogoc account seal-seeds --old-key-file sign-in.old.key --json

JSON: {sealed, unchanged, unreadable:[ACCOUNT]}; exit code 1 where one cannot be read."
    )]
    SealSeeds {
        /// The key under which they are sealed now
        #[arg(long, value_name = "FILE")]
        old_key_file: Option<PathBuf>,
    },
}

/// Where a password comes from.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct PasswordFrom {
    /// Read it from the first line of stdin
    #[arg(long, conflicts_with = "generate")]
    stdin: bool,
    /// Make one and print it
    #[arg(long)]
    generate: bool,
}

/// Who founds, and on what ground.
#[derive(Args, Debug)]
pub(crate) struct FoundArgs {
    /// The first administrator
    #[arg(long, value_name = "ACCOUNT", default_value = "admin")]
    administrator: AccountId,
    /// Its title, never a person's name
    #[arg(long, value_name = "TITLE", default_value = "Quản trị viên")]
    administrator_title: String,
    /// Its agency
    #[arg(long, value_name = "AGENCY", default_value = "co-quan-quan-tri")]
    administrator_agency: AgencyId,
    /// The agency's name
    #[arg(long, value_name = "NAME", default_value = "Cơ quan quản trị")]
    administrator_agency_name: String,
    /// The account that approves heavy roles with it: another person's
    #[arg(long, value_name = "ACCOUNT", default_value = "chair")]
    approver: AccountId,
    /// Its title
    #[arg(long, value_name = "TITLE", default_value = "Chủ tịch Hội đồng")]
    approver_title: String,
    /// Its role: council-chair or administrator
    #[arg(long, value_name = "ROLE", default_value = "council-chair")]
    approver_role: Role,
    /// Its agency or body
    #[arg(long, value_name = "AGENCY", default_value = "uy-ban-nhan-dan")]
    approver_agency: AgencyId,
    /// The agency's name
    #[arg(long, value_name = "NAME", default_value = "Ủy ban nhân dân")]
    approver_agency_name: String,
    /// The approver's agency is one that is appraised; a body that never is, otherwise
    #[arg(long)]
    approver_is_appraised: bool,
    /// Id of the instrument that the founding rests on
    #[arg(long, value_name = "ID", default_value = "quyet-dinh-lap-so")]
    instrument: InstrumentId,
    /// Its number
    #[arg(long, default_value = "thử nghiệm")]
    number: String,
    /// Its date, YYYY-MM-DD; today where left out
    #[arg(long)]
    date: Option<String>,
    /// Who issued it; the approver's agency where left out
    #[arg(long)]
    issuer: Option<String>,
    /// Make a password for each of the two and print both
    #[arg(long)]
    generate: bool,
}

pub(crate) async fn run(global: &Global, output: &Output, command: &AccountCommand) -> Ended {
    // What is asked at a terminal is asked before the register is opened.
    let password = match command {
        AccountCommand::Password { account, from } if !from.generate => Some(ask(output, account, *from)?),
        AccountCommand::Password { .. }
        | AccountCommand::Found(_)
        | AccountCommand::Link { .. }
        | AccountCommand::Token { .. }
        | AccountCommand::Unlock { .. }
        | AccountCommand::RemoveSecondFactor { .. }
        | AccountCommand::SealSeeds { .. } => None,
    };
    let app = match command {
        AccountCommand::Found(_) => open::to_write(global, output).await?,
        AccountCommand::Password { .. }
        | AccountCommand::Link { .. }
        | AccountCommand::Token { .. }
        | AccountCommand::Unlock { .. }
        | AccountCommand::RemoveSecondFactor { .. }
        | AccountCommand::SealSeeds { .. } => open::to_sign(global, output).await?,
    };
    let ended = on(&app, global, output, command, password).await;
    app.close().await;
    ended
}

async fn on(app: &App, global: &Global, output: &Output, command: &AccountCommand, password: Option<String>) -> Ended {
    let access = Access::new(app.clone(), Settings::default(), None);
    let lang = output.lang;
    match command {
        AccountCommand::Found(args) => found(app, &access, output, args).await,
        AccountCommand::Password { account, from } => {
            let password = password.unwrap_or_else(|| generated(app));
            access.set_password_on_console(account, &password).await?;
            let mut document = json!({ "account": account });
            if from.generate {
                document["password"] = Value::from(password.as_str());
            }
            output.answer(&document, || {
                if from.generate {
                    return format!("{password}\n");
                }
                lang.pick(&format!("đã đặt mật khẩu của {account}\n"), &format!("the password of {account} is set\n"))
                    .to_owned()
            })
        }
        AccountCommand::Link { account, issuer, subject } => {
            access.link_subject_on_console(account, issuer, subject).await?;
            output.answer(&json!({ "account": account, "issuer": issuer, "subject": subject }), || {
                lang.pick(&format!("đã liên kết {account}\n"), &format!("{account} is linked\n")).to_owned()
            })
        }
        AccountCommand::Token { account, name, scopes, days } => {
            let scopes: BTreeSet<Scope> = scopes.iter().cloned().collect();
            let expires_at = Timestamp::from_micros(app.now().micros() + days * DAY_US);
            let token = access.create_token_on_console(account, name, &scopes, expires_at).await?;
            let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
            let document = json!({
                "account": account, "id": token.id, "token": token.secret, "scopes": scopes, "expires_at": token.expires_at,
            });
            output.answer(&document, || format!("{}\n", token.secret))
        }
        AccountCommand::Unlock { account } => {
            let unlocked = access.unlock_on_console(account).await?;
            output.answer(&json!({ "account": account, "unlocked": unlocked }), || {
                let (vi, en) = if unlocked {
                    (format!("đã mở khóa {account}\n"), format!("{account} is unlocked\n"))
                } else {
                    (format!("{account} không bị khóa\n"), format!("{account} was not locked\n"))
                };
                lang.pick(&vi, &en).to_owned()
            })
        }
        AccountCommand::RemoveSecondFactor { account } => {
            access.remove_totp_on_console(account).await?;
            output.answer(&json!({ "account": account }), || {
                let (vi, en) =
                    (format!("đã gỡ yếu tố thứ hai của {account}\n"), format!("{account} has no second factor now\n"));
                lang.pick(&vi, &en).to_owned()
            })
        }
        AccountCommand::SealSeeds { old_key_file } => {
            seal_seeds(&access, global, output, old_key_file.as_deref()).await
        }
    }
}

async fn seal_seeds(access: &Access, global: &Global, output: &Output, earlier: Option<&Path>) -> Ended {
    let key = open::key(global.sign_in_key_file.as_deref(), "sign_in.key_file")?.ok_or_else(|| Failure::Usage {
        message: output.lang.pick("chưa có sign_in.key_file", "sign_in.key_file is not set").to_owned(),
        remedy: Remedy {
            vi: "tạo khóa bằng `openssl rand -hex 32`, ghi vào một tệp và nêu tệp đó",
            en: "make a key with `openssl rand -hex 32` and name its file there",
        },
    })?;
    let earlier = open::key(earlier, "--old-key-file")?;
    let Resealed { sealed, unchanged, unreadable } = access.reseal(&key, earlier.as_ref()).await?;
    let document = json!({ "sealed": sealed, "unchanged": unchanged, "unreadable": unreadable });
    output.answer(&document, || {
        let said = output.lang.pick("niêm phong mới, đã niêm phong từ trước", "sealed now, sealed before");
        let mut text = format!("{said}: {sealed}, {unchanged}\n");
        for account in &unreadable {
            let said = output.lang.pick("không đọc được, giữ nguyên", "cannot be read, stays as it is");
            let _ = writeln!(text, "- {account}: {said}");
        }
        text
    })?;
    if unreadable.is_empty() { Ok(()) } else { Err(Failure::Short) }
}

/// Founds the register, then gives its two accounts passwords. A crash between the two leaves a register whose accounts get
/// theirs by `sogoc account password`.
async fn found(app: &App, access: &Access, output: &Output, args: &FoundArgs) -> Ended {
    let text = |text: &str| Text::try_new(text).map_err(|error| Failure::input(error.0));
    let name = |name: &str| text(name).map(|vi| Name { vi, ..Name::default() });
    let date = args.date.clone().unwrap_or_else(|| app.now().to_string().chars().take(10).collect());
    let command = FoundRegister {
        administrator_agency: name(&args.administrator_agency_name)?,
        administrator: NewAccount {
            account: args.administrator.clone(),
            agency: args.administrator_agency.clone(),
            name: text(&args.administrator_title)?,
        },
        approver_agency: name(&args.approver_agency_name)?,
        approver: NewAccount {
            account: args.approver.clone(),
            agency: args.approver_agency.clone(),
            name: text(&args.approver_title)?,
        },
        approver_role: args.approver_role,
        approver_body: !args.approver_is_appraised,
        instrument: NewInstrument {
            id: args.instrument.clone(),
            number: text(&args.number)?,
            date,
            issuer: text(args.issuer.as_deref().unwrap_or(&args.approver_agency_name))?,
            title: None,
            document: None,
        },
    };
    let envelope = Envelope {
        account: args.administrator.clone(),
        command_id: Uuid::new_v5(&NAMESPACE, &app.random()),
        on_behalf_of: None,
        capacity: None,
        seen: None,
        instrument: None,
        occurred: None,
        command: Command::FoundRegister(command),
    };
    let receipt = app.execute(&envelope, ORIGIN).await?;
    let mut passwords = serde_json::Map::new();
    if args.generate {
        for account in [&args.administrator, &args.approver] {
            let password = generated(app);
            access.set_password_on_console(account, &password).await?;
            passwords.insert(account.to_string(), password.into());
        }
    }
    let mut document = receipt_json(&receipt, output.lang);
    if args.generate {
        document["receipt"]["passwords"] = Value::Object(passwords.clone());
    }
    output.answer(&document["receipt"], || {
        let mut out = output.lang.pick("đã lập sổ\n", "the register is founded\n").to_owned();
        for (account, password) in &passwords {
            let _ = writeln!(out, "  {account}  {}", password.as_str().unwrap_or_default());
        }
        if passwords.is_empty() {
            let _ = writeln!(out, "  → sogoc account password {}", args.administrator);
            let _ = writeln!(out, "  → sogoc account password {}", args.approver);
        }
        out
    })
}

/// A password of 125 random bits, in groups that can be read out: no letter that looks like another.
fn generated(app: &App) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    const GROUPS: usize = 5;
    let random = app.random();
    let letters = random.iter().take(GROUPS * 5).map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    let mut out = String::new();
    for (index, letter) in letters.enumerate() {
        if index > 0 && index % 5 == 0 {
            out.push('-');
        }
        out.push(letter);
    }
    out
}

/// Asks for a password: on stdin, or twice at a terminal that does not show it.
fn ask(output: &Output, account: &AccountId, from: PasswordFrom) -> Result<String, Failure> {
    if from.stdin {
        return line();
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage {
            message: output.lang.pick("stdin không phải là terminal", "stdin is no terminal").to_owned(),
            remedy: Remedy { vi: "dùng --stdin hoặc --generate", en: "use --stdin or --generate" },
        });
    }
    output.say(&format!("{} {account}:", output.lang.pick("Mật khẩu mới của", "New password of")));
    let first = without_echo(line)?;
    output.say(output.lang.pick("Nhập lại:", "Once more:"));
    if without_echo(line)? != first {
        return Err(Failure::input(output.lang.pick("hai lần nhập không giống nhau", "the two are not the same")));
    }
    Ok(first)
}

/// The next line of stdin without its end; of one that is far too long only so much that it is too long.
fn line() -> Result<String, Failure> {
    let bytes_max = u64::try_from(LENGTH_MAX).unwrap_or(u64::MAX).saturating_mul(8);
    let mut bytes = Vec::new();
    let mut stdin = std::io::Read::take(std::io::stdin().lock(), bytes_max);
    let unreadable = |error: std::io::Error| Failure::file(Path::new("stdin"), &error);
    stdin.read_until(b'\n', &mut bytes).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| Failure::input("stdin: not UTF-8"))?;
    Ok(text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text)).to_owned())
}

/// Runs something while the terminal does not show what is typed.
#[cfg(unix)]
fn without_echo<T>(read: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let failed = |error: rustix::io::Errno| Failure::file(Path::new("stdin"), &error.into());
    let stdin = std::io::stdin();
    let shown = tcgetattr(&stdin).map_err(failed)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden).map_err(failed)?;
    let read = read();
    tcsetattr(&stdin, OptionalActions::Flush, &shown).map_err(failed)?;
    read
}

/// Elsewhere nothing is asked that would be shown.
#[cfg(not(unix))]
fn without_echo<T>(_: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    Err(Failure::Usage {
        message: "stdin".to_owned(),
        remedy: Remedy { vi: "dùng --stdin hoặc --generate", en: "use --stdin or --generate" },
    })
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Refusal(refusal) => Self::Refused(*refusal),
            Denied::Log(error) => error.into(),
        }
    }
}
