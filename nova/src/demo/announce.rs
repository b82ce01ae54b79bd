//! What the demo prints when it is ready: where, as whom, and what to ask first.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use nova_http::Role;

use super::people::{CAST, Person};
use super::plan::Plan;
use super::play::Played;
use crate::compose::Product;

const TOKEN_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

/// A community older than this has no fresh posts left, and the feed is about fresh ones.
const AGED: Duration = Duration::from_secs(2 * 24 * 3600);

const ROLES: [Role; 4] = [Role::User, Role::Moderator, Role::Auditor, Role::Operator];

pub fn text(plan: &Plan, played: Played, product: &Product, address: SocketAddr) -> anyhow::Result<String> {
    let issuer = product.issuer();
    let mut tokens = Vec::new();
    for (person, role) in plan.people.iter().zip(ROLES) {
        tokens.push((person, role, issuer.issue(person.user, role, TOKEN_TTL)?));
    }
    let token_of =
        |role: Role| tokens.iter().find(|(_, of, _)| *of == role).map(|(_, _, token)| token.as_str());
    let (user, auditor) = token_of(Role::User).zip(token_of(Role::Auditor)).context("a role has no token")?;

    let mut text = format!("\n{}\n\n", summary(plan, played, product));
    for (person, role, token) in &tokens {
        text.push_str(&format!("{}:\n  {token}\n", introduction(person, *role)));
    }
    text.push_str(&format!(
        "\nFirst requests (the tokens are good for {} days):\n",
        TOKEN_TTL.as_secs() / 86_400
    ));
    for (what, line) in requests(plan, address, user, auditor) {
        text.push_str(&format!("\n# {what}\n{line}\n"));
    }
    text.push_str(&format!("\nAll of the API: http://{address}/docs\nStop with Ctrl-C.\n"));
    Ok(text)
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

fn introduction(person: &Person, role: Role) -> String {
    let (handle, name, _) = CAST.iter().find(|(handle, ..)| *handle == person.handle).unwrap_or(&CAST[0]);
    format!("{name} (@{handle}), {}", role.as_str())
}

/// Each works when it is pasted into a shell.
fn requests(plan: &Plan, address: SocketAddr, user: &str, auditor: &str) -> Vec<(&'static str, String)> {
    let base = format!("http://{address}/api/v1");
    let as_user = format!("-H 'Authorization: Bearer {user}'");
    let as_auditor = format!("-H 'Authorization: Bearer {auditor}'");
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
