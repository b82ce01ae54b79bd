//! What people ask for, in the shares in which they do.

use std::sync::Arc;

use uuid::Uuid;

use crate::community::{Community, caught_up, id_of, send_all, user};
use crate::http::wire::request;

pub(crate) const WHAT: &str =
    "feed 30 %, timeline 30 %, messages of a conversation 25 % (pages of 20), like 10 %, send a message 5 %";
const MEMBERS: usize = 10;

/// Makes the request of a number. The requests of each viewer are made once and copied after that.
#[derive(Clone)]
pub(crate) struct Mix {
    made: Arc<Made>,
}

struct Made {
    feeds: Vec<Vec<u8>>,
    timelines: Vec<Vec<u8>>,
    messages: Vec<Vec<u8>>,
    sends: Vec<Vec<u8>>,
    tokens: Vec<String>,
    posts: Vec<Uuid>,
}

impl Mix {
    pub(crate) fn new(community: &Community, conversations: &[Uuid]) -> Self {
        let tokens = community.viewer_tokens.clone();
        let get = |path: &str| tokens.iter().map(|token| request("GET", path, token, None)).collect();
        let of = |viewer: usize| conversations[viewer / MEMBERS];
        let made = Made {
            feeds: get("/api/v1/feed?limit=20"),
            timelines: get("/api/v1/timeline?limit=20"),
            messages: each(&tokens, |viewer, token| {
                request(
                    "GET",
                    &format!("/api/v1/conversations/{}/messages?limit=20", of(viewer)),
                    token,
                    None,
                )
            }),
            sends: each(&tokens, |viewer, token| {
                let path = format!("/api/v1/conversations/{}/messages", of(viewer));
                request(
                    "POST",
                    &path,
                    token,
                    Some(r#"{"text":"See you at the bridge at nine, bring the map."}"#),
                )
            }),
            posts: community.posts.clone(),
            tokens,
        };
        Self { made: Arc::new(made) }
    }

    /// Appends the request of this number.
    pub(crate) fn write(&self, number: u64, out: &mut Vec<u8>) {
        let Made { feeds, timelines, messages, sends, tokens, posts } = &*self.made;
        // Spread over the viewers, so that neighbours in time are different people.
        let viewer = (number.wrapping_mul(7_919) as usize) % tokens.len();
        match number.wrapping_mul(37) % 100 {
            0..30 => out.extend_from_slice(&feeds[viewer]),
            30..60 => out.extend_from_slice(&timelines[viewer]),
            60..85 => out.extend_from_slice(&messages[viewer]),
            85..90 => out.extend_from_slice(&sends[viewer]),
            _ => {
                let post = posts[(number / 10) as usize % posts.len()];
                let path = format!("/api/v1/posts/{post}/like");
                out.extend_from_slice(&request("PUT", &path, &tokens[viewer], None));
            }
        }
    }
}

fn each(tokens: &[String], make: impl Fn(usize, &str) -> Vec<u8>) -> Vec<Vec<u8>> {
    tokens.iter().enumerate().map(|(viewer, token)| make(viewer, token)).collect()
}

/// A conversation for every ten viewers, with something to read in it.
pub(crate) async fn converse(address: &str, community: &Community) -> anyhow::Result<Vec<Uuid>> {
    let tokens = &community.viewer_tokens;
    let firsts: Vec<usize> = (0..tokens.len()).step_by(MEMBERS).collect();
    let starts = firsts.iter().map(|first| {
        let others = (first + 1..(first + MEMBERS).min(tokens.len())).map(|n| user("viewer", n as u64).0);
        let members: Vec<String> = others.map(|id| format!("\"{id}\"")).collect();
        let body = format!(r#"{{"kind":"group","title":"a walk","members":[{}]}}"#, members.join(","));
        request("POST", "/api/v1/conversations", &tokens[*first], Some(&body))
    });
    let answers = send_all(address, 16, starts.collect()).await?;
    let conversations = answers.iter().map(|answer| id_of(answer)).collect::<anyhow::Result<Vec<_>>>()?;
    let sends = (0..30 * conversations.len()).map(|n| {
        let at = n % conversations.len();
        let path = format!("/api/v1/conversations/{}/messages", conversations[at]);
        request(
            "POST",
            &path,
            &tokens[firsts[at]],
            Some(r#"{"text":"What a fine morning it is in the hills."}"#),
        )
    });
    let answers = send_all(address, 16, sends.collect()).await?;
    caught_up(address, &tokens[0], &answers).await?;
    Ok(conversations)
}
