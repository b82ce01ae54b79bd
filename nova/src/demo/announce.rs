//! What the demo prints when it is ready: where, as whom, and what to ask first. Tokens are long, so they are in files of their
//! own, and the requests read them from there.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use nova_eventlog::private;
use nova_http::Role;

use super::people::Person;
use super::plan::Plan;
use super::play::Played;
use crate::compose::Product;

const TOKEN_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

/// Inside the data folder.
const TOKENS: &str = "tokens";

/// A community older than this has no fresh posts left, and the feed is about fresh ones.
const AGED: Duration = Duration::from_secs(2 * 24 * 3600);

const ROLES: [Role; 4] = [Role::User, Role::Moderator, Role::Auditor, Role::Operator];

pub fn text(
    plan: &Plan,
    played: Played,
    product: &Product,
    address: SocketAddr,
    operators: Option<SocketAddr>,
) -> anyhow::Result<String> {
    let folder = product.config().data.dir.join(TOKENS);
    let mut people = Vec::new();
    for (person, role) in plan.people.iter().zip(ROLES) {
        write_token(product, person, role, &folder)?;
        people.push(format!("{} ({})", person.handle, role.as_str()));
    }
    let of = |number: usize| plan.people.get(number).context("nobody lives there");
    let (user, auditor) = (token_file(&folder, of(0)?), token_file(&folder, of(2)?));
    let mut text = format!(
        "\n{}\n\n  API      http://{address}/docs\n  As       {}\n  Tokens   {}, a file each, good for {} days\n",
        summary(plan, played, product),
        people.join("  "),
        folder.display(),
        TOKEN_TTL.as_secs() / 86_400
    );
    if let Some(operators) = operators {
        text.push_str(&format!("  Metrics  http://{operators}/metrics, for operators\n"));
    }
    text.push_str("\nFirst requests, from this folder in another terminal:\n");
    for (what, line) in requests(plan, address, &user, &auditor) {
        text.push_str(&format!("\n# {what}\n{line}\n"));
    }
    text.push_str("\nCtrl-C stops it.\n");
    Ok(text)
}

/// For the person of the cast, new at every start.
fn write_token(product: &Product, person: &Person, role: Role, folder: &Path) -> anyhow::Result<()> {
    let token = product.issuer().issue(person.user, role, TOKEN_TTL)?;
    let path = token_file(folder, person);
    private::create_dir_all(folder)
        .and_then(|()| private::options().write(true).create(true).truncate(true).open(&path))
        .and_then(|mut file| writeln!(file, "{token}"))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn token_file(folder: &Path, person: &Person) -> PathBuf {
    folder.join(&person.handle)
}

fn summary(plan: &Plan, played: Played, product: &Product) -> String {
    let people = plan.people.len();
    let dir = product.config().data.dir.display();
    match played {
        Played::Fresh { steps, took } => format!(
            "A community of {people} people: {steps} commands in {:.1} s, {} events, in {dir}.",
            took.as_secs_f64(),
            product.log().head()
        ),
        Played::There { since_ms } => {
            let now_ms = u64::try_from(chrono::Utc::now().timestamp_millis()).unwrap_or(0);
            let age = Duration::from_millis(now_ms.saturating_sub(since_ms));
            let aged = if age > AGED {
                ", and its feed has aged with it: remove the folder for a fresh one"
            } else {
                ""
            };
            format!("The community in {dir} is {} hours old{aged}.", age.as_secs() / 3600)
        }
    }
}

/// Each works when it is pasted into a shell.
fn requests(plan: &Plan, address: SocketAddr, user: &Path, auditor: &Path) -> Vec<(&'static str, String)> {
    let base = format!("http://{address}/api/v1");
    let bearer = |file: &Path| format!("-H \"Authorization: Bearer $(cat {})\"", quoted(file));
    let (as_user, as_auditor) = (bearer(user), bearer(auditor));
    let json = "-H 'Content-Type: application/json'";
    let mut requests = vec![
        ("What Maya should read", format!("curl -s {as_user} '{base}/feed?limit=5'")),
        (
            "Maya posts",
            format!(
                "curl -s {as_user} {json} -d '{{\"text\":\"Fog in the valley, bread in the oven.\"}}' {base}/posts"
            ),
        ),
        (
            "Maya likes what is popular today",
            format!("curl -s -X PUT {as_user} {base}/posts/{}/like", plan.example_post),
        ),
    ];
    if let Some(conversation) = plan.example_conversation {
        let body = "{\"text\":\"Are you coming on Sunday?\"}";
        requests.push((
            "Maya writes to a group",
            format!("curl -s {as_user} {json} -d '{body}' {base}/conversations/{conversation}/messages"),
        ));
    }
    requests.push((
        "Inês looks at what was deleted, by whom and why",
        format!("curl -s {as_auditor} '{base}/audit/deletions?entity=post&limit=5'"),
    ));
    requests
}

/// As one word of a shell.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if is_plain { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}
